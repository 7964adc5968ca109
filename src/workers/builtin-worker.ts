import { builtinTexts } from "./builtin-texts.js";
import { moving, type Workers } from "./messages.js";
import { serve } from "./serve.js";

/** Worker that turns windows of texts into vectors of the builtin model, which needs no onnxruntime session. */
serve<Workers["builtin"]>(({ maxTokens }) => {
  const embedTexts = builtinTexts(maxTokens);
  return {
    async embed(texts) {
      const embedded = embedTexts(texts);
      return moving(embedded, embedded.vectors, embedded.directed, embedded.truncated);
    },
  };
});
