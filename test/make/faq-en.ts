/** The English half of the fixture; the notation is that of FAQ_ZH. */
export const FAQ_EN = `
How do I reset my password if I no longer have access to the phone number on my account?|Choose "Try another way" on the sign-in page and verify by email.|account,password
=
~How do I reset my password if I no longer have access to the phone number on my account?\u200b
t How do I reset my pasword if I no longer have access to the phone number on my account?
i How do I reset my password if I no longer have access to the old phone number on my account?
My parcel is marked as delivered but it is not in the mailbox, what should I do next?|Ask your neighbours, then open a claim within seven days.|shipping,claim
~MY PARCEL IS MARKED AS DELIVERED BUT IT IS NOT IN THE MAILBOX, WHAT SHOULD I DO NEXT?
s It is not in the mailbox but my parcel is marked as delivered, what should I do next?
t My parcel is marked as deliverd but it is not in the mailbox, what should I do next?
Can I return a pair of shoes after 30 days if the box is damaged but the shoes are unworn?|Returns are accepted up to 45 days in any clean box.|shop,returns
#Can I return a pair of shoes after 60 days if the box is damaged but the shoes are unworn?
=
i Can I still return a pair of shoes after 30 days if the box is damaged but the shoes are unworn?
The laptop will not connect to the office Wi-Fi although every other device works fine.|Forget the network, restart and join again with your staff login.|IT,network
~The laptop will not connect to the office Wi–Fi although every other device works fine.
s Every other device works fine although the laptop will not connect to the office Wi-Fi.
!The laptop will connect to the office Wi-Fi although every other device works fine.
What is the daily limit for cash withdrawals with a student debit card at foreign machines?|The limit is 300 a day, whichever currency is paid out.|bank,limits
=
w What is the daily limit for cash withdrawals with a student credit card at foreign machines?
t What is the daily limit for cash withdrawls with a student debit card at foreign machines?
My card was charged twice for the same order and only one of the payments shows a receipt.|The second charge is a hold and falls away within five days.|bank,charges
s Only one of the payments shows a receipt and my card was charged twice for the same order.
i My card was charged twice for the very same order and only one of the payments shows a receipt.
=
Does the warranty of 2 years cover accidental damage to the screen of the tablet?|Accidents need the extra cover; the warranty is for faults.|shop,warranty
#Does the warranty of 3 years cover accidental damage to the screen of the tablet?
~Does the warranty of ２ years cover accidental damage to the screen of the tablet?
w Does the warranty of 2 years cover accidental damage to the battery of the tablet?
The shared calendar shows meetings one hour late since the clocks went back last weekend.|Set the time zone of the calendar to automatic.|IT,calendar
t The shared calender shows meetings one hour late since the clocks went back last weekend.
#The shared calendar shows meetings two hours late since the clocks went back last weekend.
Which documents do international students need to bring to the enrolment office on the first day?|Passport, visa, offer letter and proof of insurance.|school,enrolment
=
i Which original documents do international students need to bring to the enrolment office on the first day?
~Which documents do international students need to bring\u3000to the enrolment office on the first day？
Is it possible to change the delivery address after the order has already been dispatched?|Until the courier scans it, yes, in the tracking page.|shipping,address
!Is it not possible to change the delivery address after the order has already been dispatched?
t Is it possible to change the delivery adress after the order has already been dispatched?
w Is it possible to change the delivery date after the order has already been dispatched?
The update to version 4.1.7 failed at 80% and now the app closes right after the splash screen.|Clear the cache, then install the update again.|app,update
#The update to version 4.1.8 failed at 80% and now the app closes right after the splash screen.
~The update to Version 4.1.7 failed at 80％ and now the App closes right after the splash screen.
You can cancel the subscription at any time and the remaining months will be refunded.|Refunds reach the card within ten working days.|subscription,refund
!You cannot cancel the subscription at any time and the remaining months will be refunded.
!You can cancel the subscription at any time and the remaining months will not be refunded.
=
Why does the printer on the third floor only print the first page of a long document?|Its memory is full; print in two parts until it is replaced.|IT,printer
#Why does the printer on the fourth floor only print the first page of a long document?
t Why does the printer on the third floor only print the first page of a long documant?
How much does it cost to send money abroad and how long until the recipient can use it?|A flat 4 and one to three working days.|bank,transfer
s How long until the recipient can use it and how much does it cost to send money abroad?
~How much does it cost to send money abroad and how long until the recipient can use it？
The discount code says it has expired even though the newsletter promised it until Sunday.|Codes end at noon on the last day; write to us for a new one.|shop,discount
i The discount code always says it has expired even though the newsletter promised it until Sunday.
w The discount code says it has expired even though the newsletter promised it until Monday.
Overdue library books can be renewed online unless another reader has reserved them.|Log in, choose Loans and press Renew.|school,library
=
!Overdue library books cannot be renewed online unless another reader has reserved them.
~OVERDUE library books can be renewed\u00a0online unless another reader has reserved them.
I was unable to upload my essay before the deadline because the portal kept timing out.|Send the file and a screenshot to your tutor the same day.|school,deadline
t I was unable to upload my essay before the deadline because the portal keept timing out.
s Because the portal kept timing out I was unable to upload my essay before the deadline.
The heating in room 214 does not switch off at night even when the thermostat is at zero.|Maintenance will exchange the valve this week.|building,heating
#The heating in room 241 does not switch off at night even when the thermostat is at zero.
i The heating in room 214 does not switch off at night even when the thermostat is set at zero.
The courier left the package with a neighbour who has since gone on holiday for two weeks.|Call the depot; the driver can confirm the address.|shipping,neighbour
#The courier left the package with a neighbour who has since gone on holiday for three weeks.
=
t The courier left the package with a neigbour who has since gone on holiday for two weeks.
When I scan the code at the gate, the ticket shows as already used by somebody else.|Show your order at the desk; the code will be renewed.|leisure,ticket
~When I scan the code at the gate，\u00a0the ticket shows as already used by somebody else.
s The ticket shows as already used by somebody else when I scan the code at the gate.
!When I scan the code at the gate, the ticket does not show as already used by somebody else.
Our team needs access to the finance folder, and my manager has approved the request in writing.|Forward the approval and access follows within a day.|IT,access
s My manager has approved the request in writing, and our team needs access to the finance folder.
i Our whole team needs access to the finance folder, and my manager has approved the request in writing.
!Our team needs access to the finance folder, and my manager has never approved the request in writing.
The savings account pays 2.5% interest in the first year provided nothing is withdrawn.|After that the base rate applies.|bank,savings
#The savings account pays 3.5% interest in the first year provided nothing is withdrawn.
~The savings account pays ２.５% interest in the first year provided nothing is withdrawn．
t The savings account pays 2.5% intrest in the first year provided nothing is withdrawn.
Do you ship to islands?|Yes, add two days and a small surcharge.|shipping,zones
Where can I find my invoice?|Under Orders, beside each purchase.|shop,invoice
How do I unlock a frozen bank card?|Use the app or call the number on its back.|bank,card
Can two people share one cinema voucher?|A voucher admits a single guest.|leisure,voucher
Why is my screen upside down?|Press Ctrl, Alt and the arrow key.|IT,screen
Are pets allowed in the guest house?|Small dogs are welcome on request.|travel,pets
When does the night bus leave the campus?|Every forty minutes until four in the morning.|school,bus
What is the Wi-Fi name in the lecture hall?|It is printed beside the projector.|school,network
How can I mute group chat notifications?|Hold the chat and choose the bell.|app,chat
Is breakfast included in the room rate?|Only where the rate is marked with a cup.|travel,hotel
Where do I hand in a found umbrella?|At the porter's lodge beside the gate.|school,lost
How often should the water filter be changed?|Every eight weeks, sooner with hard water.|shop,filter
May I pay rent by standing order?|Yes, dated to the first working day.|housing,rent
Who repairs broken street lamps?|Report the number on the mast to the council.|city,lamps
Can a gift card be used abroad?|Only in shops of the same currency.|shop,gift
How do I merge duplicate contacts?|Contacts, then Fix and manage.|app,contacts
What does the blinking red light on the router mean?|There is no signal from the line.|network,router
Will I lose my notes when I switch plans?|Notes stay whatever the plan.|app,plans
How do I export the chart as a picture?|Right-click it and choose Save image.|IT,charts
Is there a fee for paper statements?|One a quarter is free of charge.|bank,statements
How do I change the language of the menu?|Settings, General, Language.|app,language
Where is the nearest bottle bank?|Behind the supermarket, open till dusk.|city,recycling
Can I borrow a bicycle helmet?|At the sports desk against a deposit.|school,sports
How long is a driving licence valid?|Fifteen years, then a new photo is due.|city,licence
Why was my loan application declined?|A letter with the reasons follows by post.|bank,loan
Do museums open on public holidays?|Most do, with shorter hours.|leisure,museum
How do I descale a coffee machine?|Run citric acid, then twice clear water.|shop,coffee
Which adapter does this monitor need?|A DisplayPort cable is in the box.|IT,monitor
Can I choose my seat before check-in?|From thirty hours before departure.|travel,seat
How do I report a phishing mail?|Use the hook button above the message.|IT,security
What vaccinations does nursery require?|Measles, and the nurse's signed sheet.|school,health
Does the gym have lockers?|Yes, bring a padlock of your own.|leisure,gym
How do I recover a deleted folder?|It rests in the bin for a month.|IT,recovery
Are batteries part of the delivery?|No toy comes with batteries.|shop,toys
Where can I park a camper van overnight?|On the fairground, two nights at most.|travel,parking
How can I reach a human agent?|Type "agent" in the chat on weekdays.|support,contact
Is tap water safe to drink here?|It is tested daily and safe.|travel,water
How do I book a tutoring slot?|In the portal, a week ahead.|school,tutoring
What happens to unused mobile data?|It moves to the next month once.|phone,data
Who signs my internship contract?|The dean's office, by appointment.|school,internship
Can I split a bill between friends?|Choose Split after paying.|bank,split
Why does my headset echo?|Lower the speaker volume or use earphones.|IT,audio
How do I waterproof hiking boots?|Warm them, then rub in the wax.|shop,boots
Is the archive open to visitors?|On Thursdays, after registering.|city,archive
How do I stop junk mail?|Put a sticker on the letter box.|city,mail
What size is the cabin bag allowance?|55 by 40 by 20 centimetres.|travel,luggage
Do you recycle old phones?|Hand them in at any branch.|phone,recycling
Where do I see my exam results?|In the portal from noon on the day.|school,exams
How do I calibrate the scale?|Place the weight and hold Tare.|shop,scale
Can I rent a projector for the weekend?|Friday to Monday counts as one day.|IT,rental
`;
