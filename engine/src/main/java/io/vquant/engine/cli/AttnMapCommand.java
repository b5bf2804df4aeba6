package io.vquant.engine.cli;

import io.vquant.engine.Engine;
import io.vquant.engine.GenerationListener;
import io.vquant.engine.attention.AttentionMap;
import io.vquant.engine.attention.KeptTokens;
import io.vquant.engine.attention.LineChoice;
import io.vquant.eval.plots.PngImage;
import io.vquant.kernels.kvcache.LineBudget;
import io.vquant.model.AttentionInputs;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code attn-map}: pictures of attention. */
@Command(
    description =
        "Shows whom a model's heads attend to in a prompt: queries down, keys across, brighter is"
            + " more; and which keys would be kept in full precision: sinks, vertical lines, window.",
    footer = {
      "",
      "On stdout a map in letters for each head (a column or row of it may stand for several",
      "tokens, and shows the largest weight) and the lines of its KV head with their tokens.",
      "With --out also files: layer-L-head-H.png (strip above: red sinks, orange lines, blue",
      "window) for each head, layer-L-kv-head-K.csv with the score of every token.",
      "Examples:",
      "  attn-map --layer 3 --heads 0,2 \"Once upon a time there was a fox.\"",
      "  attn-map -m path/to/model --layer 10 -f essay.txt --raw --out maps"
    })
final class AttnMapCommand implements Callable<Integer> {
  private static final int PICTURE_CELLS = 1024;

  private final CommandContext context;
  @Mixin private ModelOptions model;
  @Mixin private PromptOptions prompt;
  @Mixin private OutputOptions output;

  @Option(names = "--layer", paramLabel = "N", required = true, description = "the layer, from 0")
  private int layer;

  @Option(
      names = "--heads",
      paramLabel = "LIST",
      description = "query heads, from 0: 0,2-4 (default: all)")
  private @Nullable String heads;

  @Option(
      names = "--lines",
      paramLabel = "N|P%%",
      description = "lines of a KV head, sinks among them: a number or a share (default: 1%%)")
  private String lines = "1%";

  @Option(
      names = "--window",
      paramLabel = "N",
      description = "tokens at the end that are kept (default: 128)")
  private int window = 128;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "a folder for pictures and scores; made when it is not there")
  private @Nullable String out;

  @Option(names = "--json", description = "one JSON object in place of maps in letters")
  private boolean json;

  AttnMapCommand(CommandContext context) {
    this.context = context;
    model = new ModelOptions();
    prompt = new PromptOptions();
    output = new OutputOptions();
  }

  @Override
  public Integer call() {
    model.check();
    LineChoice choice = LineChoice.of(lineBudget());
    if (window < 0) {
      throw CommandFailure.usage("--window " + window + ": expected 0 or more");
    }
    NumberRanges wanted = heads == null ? null : NumberRanges.parse("--heads", heads);
    String text = prompt.read(context.console());
    InputText.requireWellFormed(text, "prompt");
    AttnMapFiles files = out == null ? null : AttnMapFiles.in(out);
    try (Engine engine = model.open(context, output, true)) {
      requireLayer(engine.config().numHiddenLayers());
      int numHeads = engine.config().numAttentionHeads();
      NumberRanges shown = wanted == null ? NumberRanges.upTo("--heads", numHeads) : wanted;
      shown.requireBelow(numHeads, "the query heads of this model");
      int[] ids = new PromptEncoder(engine, model.folder(context)).encode(text, prompt);
      AttnMapReport report = new AttnMapReport(engine.tokenizer(), model.modelName(), layer, ids);
      run(engine, ids, inputs -> show(inputs, choice, shown, report, files));
      model.tellDevice(context, output);
      TextOutput stdout = context.console().out();
      if (json) {
        stdout.line(report.asJson().compact()).flush();
      } else {
        stdout.print(report.asText()).flush();
      }
    }
    return ExitCode.DONE;
  }

  private LineBudget lineBudget() {
    boolean share = lines.endsWith("%");
    String number = share ? lines.substring(0, lines.length() - 1) : lines;
    try {
      if (share) {
        double percent = Double.parseDouble(number);
        if (percent > 0) {
          return LineBudget.ofShare(percent / 100);
        }
      } else {
        return LineBudget.ofCount(Integer.parseInt(number));
      }
    } catch (IllegalArgumentException e) {
      // the message below says it for both
    }
    throw CommandFailure.usage(
        "--lines " + lines + ": expected 0 to " + LineBudget.MAX + ", or a share up to 50%");
  }

  private void requireLayer(int numLayers) {
    if (layer < 0 || layer >= numLayers) {
      throw CommandFailure.usage(
          "--layer " + layer + ": expected 0 to " + (numLayers - 1) + ", this model's layers");
    }
  }

  private void run(Engine engine, int[] ids, Consumer<AttentionInputs> visitor) {
    context.interruption().onRequest(() -> {}); // looked at between layers
    GenerationListener listener =
        new GenerationListener() {
          @Override
          public void onPrefill(long done, long total) {
            context.interruption().check();
          }
        };
    engine.newAttentionProbe().run(ids, index -> index == layer, visitor, listener);
  }

  private void show(
      AttentionInputs inputs,
      LineChoice choice,
      NumberRanges shown,
      AttnMapReport report,
      @Nullable AttnMapFiles files) {
    KeptTokens[] kept = KeptTokens.of(inputs, choice, window);
    int group = inputs.spec().groupSize();
    shown.stream()
        .forEach(head -> {
          context.interruption().check();
          KeptTokens ofHead = kept[head / group];
          report.add(
              head, head / group, ofHead, AttentionMap.of(inputs, head, AttnMapReport.CELLS));
          if (files != null) {
            AttentionMap map = AttentionMap.of(inputs, head, PICTURE_CELLS);
            files.write(
                "layer-%d-head-%d.png".formatted(layer, head), PngImage.of(map.draw(ofHead)));
            files.write(
                "layer-%d-kv-head-%d.csv".formatted(layer, head / group), report.csv(ofHead));
          }
        });
  }
}
