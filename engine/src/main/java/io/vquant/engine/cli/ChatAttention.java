package io.vquant.engine.cli;

import io.vquant.engine.Engine;
import io.vquant.engine.GenerationListener;
import io.vquant.engine.attention.AttentionMap;
import io.vquant.engine.attention.KeptTokens;
import io.vquant.engine.attention.LineChoice;
import io.vquant.engine.chat.Conversation;
import io.vquant.eval.plots.PngImage;
import io.vquant.kernels.kvcache.KvLayerPolicy;
import io.vquant.model.AttentionInputs;
import java.nio.file.Path;
import java.util.function.BooleanSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** {@code /attn}: whom the last answer attended to, in letters or as a picture. */
final class ChatAttention {
  private static final String USAGE = "/attn [FILE.png] [LAYER [HEAD]]";
  private static final Pattern ARGUMENTS =
      Pattern.compile("(\\S.*\\.png)?\\s*(?:(\\d{1,6})(?:\\s+(\\d{1,6}))?)?");
  private static final int PICTURE_CELLS = 1024;

  private final Engine engine;
  private final Conversation conversation;
  private final String modelName;

  /** Which map, and where to. */
  private record Wish(@Nullable Path file, int layer, int head) {}

  /** The user did not want to wait for it. */
  static final class StoppedException extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  ChatAttention(Engine engine, Conversation conversation, String modelName) {
    this.engine = engine;
    this.conversation = conversation;
    this.modelName = modelName;
  }

  /**
   * Runs the conversation through the model once more and draws one head.
   *
   * @param stopped asked between layers
   * @return what to show
   * @throws CommandFailure if there is no answer, no such layer or head, or the file cannot be
   *     written
   * @throws StoppedException if {@code stopped} says so
   */
  String run(String arguments, BooleanSupplier stopped) {
    Wish wish = wish(arguments);
    int[] ids = conversation.lastTokenIds();
    if (ids.length == 0) {
      throw CommandFailure.badInput(
          "/attn: no answer has been made here yet (/regen makes one to a loaded conversation)");
    }
    GenerationListener listener =
        new GenerationListener() {
          @Override
          public void onPrefill(long done, long total) {
            if (stopped.getAsBoolean()) {
              throw new StoppedException();
            }
          }
        };
    StringBuilder shown = new StringBuilder();
    engine
        .newAttentionProbe()
        .run(
            ids,
            layer -> layer == wish.layer,
            inputs -> shown.append(draw(wish, inputs, ids)),
            listener);
    return shown.toString();
  }

  private Wish wish(String arguments) {
    int[] numbers = {engine.config().numHiddenLayers() / 2, 0};
    Matcher matcher = ARGUMENTS.matcher(arguments);
    if (!matcher.matches()) {
      throw CommandFailure.badInput("/attn " + arguments + ": expected " + USAGE);
    }
    for (int i = 0; i < numbers.length; i++) {
      String number = matcher.group(i + 2);
      numbers[i] = number == null ? numbers[i] : Integer.parseInt(number);
    }
    requireBelow("layer", numbers[0], engine.config().numHiddenLayers());
    requireBelow("head", numbers[1], engine.config().numAttentionHeads());
    String file = matcher.group(1);
    return new Wish(file == null ? null : AtomicFile.named("/attn", file), numbers[0], numbers[1]);
  }

  private static void requireBelow(String what, int value, int limit) {
    if (value >= limit) {
      throw CommandFailure.badInput(
          "/attn: " + what + " " + value + ": expected 0 to " + (limit - 1));
    }
  }

  private String draw(Wish wish, AttentionInputs inputs, int[] ids) {
    KvLayerPolicy policy = engine.kvPolicy().base();
    int kvHead = wish.head / inputs.spec().groupSize();
    KeptTokens kept = KeptTokens.of(inputs, LineChoice.of(policy.lines()), policy.window())[kvHead];
    String answer =
        String.format(
            "the answer is tokens %d to %d%n", conversation.lastPromptTokens(), ids.length - 1);
    if (wish.file == null) {
      AttnMapReport report = new AttnMapReport(engine.tokenizer(), modelName, wish.layer, ids);
      report.add(wish.head, kvHead, kept, AttentionMap.of(inputs, wish.head, AttnMapReport.CELLS));
      return report.asText() + answer;
    }
    AttentionMap map = AttentionMap.of(inputs, wish.head, PICTURE_CELLS);
    AtomicFile.write("/attn", wish.file, PngImage.of(map.draw(kept)));
    return String.format(
        "%s: layer %d, head %d, %d tokens; %s",
        wish.file, wish.layer, wish.head, ids.length, answer);
  }
}
