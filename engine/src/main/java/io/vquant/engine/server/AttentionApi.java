package io.vquant.engine.server;

import io.vquant.engine.GenerationListener;
import io.vquant.engine.attention.AttentionMap;
import io.vquant.engine.attention.KeptTokens;
import io.vquant.engine.attention.LineChoice;
import io.vquant.eval.plots.PngImage;
import io.vquant.kernels.kvcache.LineBudget;
import io.vquant.model.AttentionInputs;
import io.vquant.tokenizer.chat.ChatRequest;
import io.vquant.tokenizer.chat.jinja.TemplateException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;

/**
 * {@code /attention}: a picture of one head's attention over a conversation, for the page. The
 * conversation goes through the model once more, and no one else computes meanwhile: so one picture
 * at a time, and of short conversations only.
 */
final class AttentionApi {
  private static final int MAX_TOKENS = 1024;
  private static final int CELLS = 256;
  private static final int WINDOW = 128;
  private static final double LINE_SHARE = 0.01;

  private final ServedModel model;
  private final Semaphore turn = new Semaphore(1);

  AttentionApi(ServedModel model) {
    this.model = model;
  }

  /**
   * Draws.
   *
   * @return a PNG file
   */
  byte[] draw(Map<String, @Nullable Object> body) {
    JsonFields fields = new JsonFields("", body);
    ChatRequest chat = ChatRequest.of(ChatMessages.read(fields)).withoutGenerationPrompt();
    int layers = model.engine().config().numHiddenLayers();
    int heads = model.engine().config().numAttentionHeads();
    int layer = fields.integer("layer", 0, layers - 1, 0);
    int head = fields.integer("head", 0, heads - 1, 0);
    fields.requireAllRead();
    int[] tokens = encode(chat);
    if (!turn.tryAcquire()) {
      throw ApiFailure.busy("another picture is being drawn: try again later");
    }
    try {
      List<byte[]> pictures = new ArrayList<>();
      model
          .engine()
          .newAttentionProbe()
          .run(
              tokens,
              index -> index == layer,
              inputs -> pictures.add(picture(inputs, head)),
              GenerationListener.NONE);
      return pictures.getFirst();
    } finally {
      turn.release();
    }
  }

  private int[] encode(ChatRequest chat) {
    int[] tokens;
    try {
      tokens = model.chat().encode(model.chat().render(chat));
    } catch (TemplateException | IllegalArgumentException e) {
      throw ApiFailure.badField("messages", "the chat template refuses them: " + e.getMessage());
    }
    int limit = Math.min(MAX_TOKENS, model.engine().contextLength());
    if (tokens.length == 0 || tokens.length > limit) {
      throw ApiFailure.badField(
          "messages", "have " + tokens.length + " tokens, expected 1 to " + limit);
    }
    return tokens;
  }

  private static byte[] picture(AttentionInputs inputs, int head) {
    LineChoice lines = LineChoice.of(LineBudget.ofShare(LINE_SHARE));
    KeptTokens[] kept = KeptTokens.of(inputs, lines, WINDOW);
    int group = inputs.spec().groupSize();
    return PngImage.of(AttentionMap.of(inputs, head, CELLS).draw(kept[head / group]));
  }
}
