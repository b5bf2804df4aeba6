package io.vquant.engine.cli;

import io.vquant.engine.Engine;
import io.vquant.engine.GenerationListener;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code logits}: a model's numbers, for comparing engines. */
@Command(
    description =
        "Writes what the model computes at every position to a safetensors file:"
            + " input_ids I64 [T], logits F32 [T, vocab], with --hidden also hidden.0 ... hidden.N.",
    footer = {
      "",
      "Examples:",
      "  logits -m path/to/model --ids 1,2,3 --out out.safetensors",
      "  logits --prompt \"Once upon a time\" --hidden --kv f32 --out out.safetensors"
    })
final class LogitsCommand implements Callable<Integer> {
  private final CommandContext context;
  @Mixin private ModelOptions model;
  @Mixin private OutputOptions output;

  @Option(
      names = "--ids",
      paramLabel = "IDS",
      description = "token ids 1,2,3; the folder needs no tokenizer then")
  private @Nullable String ids;

  @Option(
      names = {"-p", "--prompt"},
      paramLabel = "TEXT",
      description = "text, with what the tokenizer adds around raw text (BOS)")
  private @Nullable String prompt;

  @Option(
      names = {"-o", "--out"},
      required = true,
      paramLabel = "FILE",
      description = "the file to write; replaced when it is there")
  private String out = "";

  @Option(names = "--hidden", description = "also the hidden states between layers")
  private boolean hidden;

  LogitsCommand(CommandContext context) {
    this.context = context;
    model = new ModelOptions();
    output = new OutputOptions();
  }

  @Override
  public Integer call() {
    if ((ids == null) == (prompt == null)) {
      throw CommandFailure.usage("give one of --ids and --prompt");
    }
    model.check();
    int[] given = ids == null ? new int[0] : TokenIds.parse("--ids", ids);
    if (prompt != null && prompt.isEmpty()) {
      throw CommandFailure.badInput("--prompt: empty, expected at least one character");
    }
    Path file = writableFile();
    try (Engine engine = model.open(context, output, prompt != null);
        ProgressBar bar =
            ProgressBar.ofTokens(context.console().err(), "logits", System.nanoTime())) {
      int[] tokenIds = prompt == null ? given : engine.tokenizer().encodeRaw(prompt);
      context.interruption().onRequest(() -> {}); // the listener ends it and tidies up
      engine.writeLogits(file, tokenIds, hidden, listener(bar, tokenIds.length));
    } catch (IOException e) {
      throw CommandFailure.badInput("--out " + out + ": cannot be written: " + e, e);
    }
    model.tellDevice(context, output);
    return ExitCode.DONE;
  }

  private GenerationListener listener(ProgressBar bar, int tokens) {
    return new GenerationListener() {
      @Override
      public void onPrefill(long done, long total) {
        context.interruption().check();
        if (output.showsProgress() && total > 0) {
          bar.update(tokens * done / total, tokens, System.nanoTime());
        }
      }
    };
  }

  /** Finds out before the model runs whether the file can be written. */
  private Path writableFile() {
    try {
      Path file = Path.of(out).toAbsolutePath();
      Path folder = file.getParent();
      if (folder == null || !Files.isDirectory(folder)) {
        throw CommandFailure.badInput("--out " + out + ": no such folder");
      }
      if (Files.isDirectory(file)) {
        throw CommandFailure.badInput("--out " + out + ": a folder, expected a file");
      }
      if (!Files.isWritable(folder)) {
        throw CommandFailure.badInput("--out " + out + ": its folder cannot be written");
      }
      return file;
    } catch (InvalidPathException e) {
      throw CommandFailure.badInput("--out " + out + ": not a file name: " + e.getReason(), e);
    }
  }
}
