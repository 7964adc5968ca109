/**
 * Names for the swapped pairs of names.ts, written down by hand without a look at the word lists of the guard: some that
 * every dictionary has, some of the last years, some of nobody in particular. `carriers` hold them, {} in their place.
 */
export interface NameList {
  readonly carriers: readonly string[];
  readonly names: readonly string[];
}

const list = (carriers: string, names: string): NameList => ({
  carriers: carriers.trim().split(/\s*\n\s*/),
  names: names.trim().split(/\s*[,\n、]\s*/),
});

const ENGLISH_CARRIERS = `
  {} is in the news again after the meeting on Monday
  What do we know about {} so far?
  Officials confirmed that {} would be part of the new plan
  the report about {} was published yesterday
  I read a long story about {} and why it matters`;

export const ENGLISH: Readonly<Record<string, NameList>> = {
  person: list(
    ENGLISH_CARRIERS,
    `Angela Merkel, Emmanuel Macron, Boris Johnson, Volodymyr Zelensky, Xi Jinping, Narendra Modi, Shinzo Abe, Elon Musk
    Jeff Bezos, Bill Gates, Tim Cook, Satya Nadella, Taylor Swift, Roger Federer, Serena Williams, Lionel Messi, Kylian Mbappé
    Will Smith, Rose Brown, Grace Park, Mark Young, Olivia Chen, Priya Raghavan, Tunde Adeyemi, Ingrid Halvorsen, Pedro Almeida
    Fatima Zahra, Yuki Tanaka, Ana Kowalczyk, Dmitri Volkov, John Miller, Kate Winslet, Greta Thunberg, Usain Bolt`,
  ),
  place: list(
    `The fire broke out near {} on Tuesday night
    How do I get a visa for {}?
    Thousands of tourists visit {} every summer
    flights to {} were cancelled because of the storm
    The company will open a new office in {} next year`,
    `Paris, London, Berlin, Tokyo, Beijing, Shanghai, Shenzhen, Lagos, Nairobi, Buenos Aires, Sydney, Toronto, Chicago, Seattle
    Boston, Texas, California, Ohio, Nevada, France, Germany, China, Turkey, Chad, Jordan, Georgia, Kazakhstan, Wuhan
    Reading, Nice, Cork, Mobile, Bakhmut, Gdynia, Tromsø, Leeds, Islamabad, Bengaluru, Phuket, Mosul`,
  ),
  organisation: list(
    `{} said it would cut prices next year
    Shares of {} fell by a tenth after the announcement
    My cousin has worked for {} for ten years
    a spokesman for {} declined to comment
    The lawsuit against {} was dismissed on Friday`,
    `Microsoft, Google, Apple, Amazon, Meta, Netflix, Tesla, Toyota, Volkswagen, Siemens, Huawei, Xiaomi, Tencent, Alibaba, ByteDance
    OpenAI, Nvidia, Intel, Boeing, Airbus, Pfizer, Moderna, Nestlé, Unilever, Shell, BP, Walmart, Target, IKEA, Spotify, Airbnb, Uber
    NATO, UNESCO, Greenpeace, the FBI, NASA, Stanford University, Oxford University, Barclays, Revolut, Monzo, PayPal, Mastercard`,
  ),
  "product or code": list(
    `How much does the {} cost?
    My {} does not start any more
    The review of the {} was better than I expected
    please send me a replacement for {}
    Where can I find the manual of the {}?`,
    `iPhone 13 Pro, iPhone 14 Pro, iPhone 13, Galaxy S21, Galaxy S22, RTX-4090, RTX-4080, RTX 3060, PlayStation 5, Xbox One, Windows 10
    Windows 11, ThinkPad X1, MacBook Air, Boeing 737-800, Airbus A320, F-16, SKU-123-AB, SKU-123-AC, WH-1000XM4, WH-1000XM5, B07XJ8C8F5
    part 7739-K, invoice_2023.pdf, report-final.docx, ISBN 978-0-13-468599-1, ISBN 978-0-13-468599-8, 3f2a9c1d7b, 9e107d9d372bb682
    support@example.com, sales@example.com, https://example.com/a, https://example.org/b, node.js, Kindle, iPad, Photoshop`,
  ),
  "quoted title": list(
    `Who wrote “{}”?
    The film "{}" opens next week
    I could not finish “{}” on the train
    "{}" was the best thing that I read this year
    They are making a series of “{}”`,
    `The Great Gatsby, War and Peace, Dune, The Godfather, Parasite, Spirited Away, The Dark Knight, The Dark Tower, Pride and Prejudice
    Sense and Sensibility, The Old Man and the Sea, Game of Thrones, House of Cards, Let It Be, Yesterday, Hamlet, Macbeth`,
  ),
};

const CHINESE_CARRIERS = `
  {}回应网友质疑：一切以官方消息为准
  为什么大家都喜欢{}？
  记者今天采访了{}的家人
  刚刚，{}登上热搜第一
  如何评价{}这一次的表现`;

export const CHINESE: Readonly<Record<string, NameList>> = {
  person: list(
    CHINESE_CARRIERS,
    `习近平、马云、马化腾、雷军、任正非、董明珠、刘德华、周杰伦、王菲、张学友、范冰冰、杨幂、肖战、王一博、易烊千玺、迪丽热巴、姚明、刘翔
    李娜、郎平、张艺谋、陈凯歌、莫言、余华、鲁迅、杜甫、诸葛亮、曹操、特朗普、拜登、普京、默克尔、安倍晋三、梅西、姆巴佩、詹姆斯、王建国
    李晓明、陈思雨、赵子龙、孙小果、欧阳娜娜、司马南、黄渤、吴京、沈腾、贾玲、谷爱凌、苏炳添`,
  ),
  place: list(
    `{}昨夜突降暴雨，多条道路被淹
    去{}旅游，有哪些地方值得一去？
    {}的房价还会涨吗？
    他在{}工作了二十年
    从{}出发，自驾三小时就能看海`,
    `北京、上海、广州、深圳、杭州、成都、武汉、西安、重庆、天津、苏州、青岛、三亚、拉萨、乌鲁木齐、香港、澳门、台北、义乌、雄安新区、景德镇
    浙江、四川、新疆、内蒙古、美国、英国、日本、泰国、德国、俄罗斯、乌克兰、伊朗、迪拜、巴黎、伦敦、纽约、东京、首尔、硅谷、浦东、朝阳区、长江`,
  ),
  organisation: list(
    `{}宣布明年开始降价
    {}的股价今天大跌
    我在{}上班已经十年了
    {}发布声明：已报警处理
    {}又一位高管离职`,
    `华为、小米、腾讯、阿里巴巴、百度、京东、拼多多、字节跳动、美团、滴滴、比亚迪、吉利、长城汽车、中国移动、中国石油、招商银行、工商银行、北京大学
    清华大学、复旦大学、格力、海尔、联想、索尼、三星、谷歌、微软、苹果、特斯拉、丰田、本田、宝马、联合国、世界卫生组织、教育部、恒大、万达、茅台`,
  ),
  "product or code": list(
    `{}值得买吗？
    {}用了一年，说说感受
    为什么{}卖得这么好
    {}开箱：外观很惊艳
    求一份{}的说明书`,
    `iPhone 13 Pro、iPhone 14、华为Mate60、华为Mate50、小米13 Ultra、红米K60、OPPO Find X6、vivo X90、荣耀Magic5、RTX-4090、RTX 4080、PS5、Switch、奥迪A4L、奥迪A6L
    宝马X5、奔驰GLC、Model 3、Model Y、歼-20、歼-16、AirPods、SKU-123-AB、SKU-123-AC、9787111213826、9787302511854、a@b.com、https://example.com/a、setup.exe`,
  ),
  "quoted title": list(
    `《{}》真的好看吗？
    怎么看待“{}”这部作品
    他凭《{}》拿下了大奖
    「{}」值得一看
    《{}》的结局到底是什么意思`,
    `红楼梦、三国演义、满江红、流浪地球、三体、狂飙、甄嬛传、琅琊榜、王者荣耀、和平精英、原神、黑神话悟空、活着、平凡的世界、人世间、长津湖、战狼、你好李焕英、名侦探柯南`,
  ),
};

/** Names that nobody bears, or nobody known: what the guard makes of names that are in no list. */
export const UNKNOWN: Readonly<Record<string, NameList>> = {
  "English person": list(
    ENGLISH_CARRIERS,
    `Orsolya Varjas, Thabo Mkhonza, Siobhán Keaveney, Lucjan Wrzosek, Ngozi Umeadi, Kaveh Rostamzad, Eirlys Prytherch, Jurgis Balsys
    Hemi Tautari, Zdravka Ilieva, Tove Lindqvist, Marisol Quiñones, Abena Ofosuhene, Ruslan Tymchuk, Delphine Sauvageot`,
  ),
  "English organisation": list(
    ENGLISH.organisation.carriers.join("\n"),
    `Velmora, Kestrix, Northgale Foods, Zentiva Labs, Brightwater Trust, Quorline, Hallowby and Sons, Oakmere Bank, Prismatica, Tessaro
    Lumivance, Fernhill College, Drovane, Cobalt Ridge Mining, Ostrava Steelworks`,
  ),
  "Chinese person": list(
    CHINESE_CARRIERS,
    `李沐宸、王梓萱、张雨桐、陈奕辰、刘欣怡、赵一鸣、孙浩然、周子涵、吴宇航、郑诗琪、冯建军、蒋丽华、韩雪梅、许志刚、何文博、沈佳怡、曾国伟、彭海燕、潘晓红、田野`,
  ),
  "Chinese organisation": list(
    CHINESE.organisation.carriers.join("\n"),
    `蓝莓科技、星河餐饮、华瑞机械厂、青禾食品、云帆物流、安心保险、东方明志学校、绿洲地产、金石律师事务所、小鹿乳业、北辰医院、海纳传媒、悦途酒店、鼎盛建材、天翼网络`,
  ),
};

/** Two ways to write one name: no guard may tell them apart. */
export const VARIANTS: readonly (readonly [string, string])[] = [
  ["How do I connect to Wi-Fi?", "how do I connect to WiFi?"],
  ["The new iPhone 13", "the new iphone13"],
  ["The new iPhone 13 Pro Max", "the new iPhone13 ProMax"],
  ["The U.S. economy", "The US economy"],
  ["RTX-4090 price", "RTX 4090 price"],
  ["RTX4090 price", "rtx 4090 price"],
  ["Boston's mayor", "the mayor of Boston"],
  ["Zelensky’s speech", "Zelensky's speech"],
  ["Germans and Italians", "a German and an Italian"],
  ["COVID-19 cases", "Covid 19 cases"],
  ["see https://www.example.com/", "see example.com"],
  ["Mr. Brown called", "Mr Brown called"],
  ["How To Reset My Password", "how to reset my password"],
  ["CAN I CHANGE MY PIN AT AN ATM", "Can I change my pin at an atm"],
  ["Beyoncé sang", "Beyonce sang"],
  ["a 20-year-old man", "a 20 year old man"],
  ["an e-mail address", "an email address"],
  ["health care reform", "healthcare reform"],
  ["SKU-123-AB", "sku 123 ab"],
  ["ISBN 978-7-111-21382-6", "ISBN 9787111213826"],
  ["华为Mate60发布", "华为 Mate 60 发布"],
  ["《红楼梦》好看吗", "《 红楼梦 》好看吗？"],
  ["“三体”好看吗", "「三体」好看吗"],
  ["ｉＰｈｏｎｅ　１３多少钱", "iPhone 13多少钱"],
  ["王先生，您好", "您好，王先生"],
  ["去北京旅游", "去 北京 旅游"],
];
