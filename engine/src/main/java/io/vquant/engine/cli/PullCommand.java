package io.vquant.engine.cli;

import io.vquant.engine.hub.Hub;
import io.vquant.engine.hub.HubException;
import io.vquant.engine.hub.ModelName;
import io.vquant.engine.hub.ModelPull;
import io.vquant.engine.hub.PullCancelledException;
import io.vquant.engine.hub.PullListener;
import io.vquant.engine.hub.PulledModel;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code pull}: fetches a model. */
@Command(
    description =
        "Fetches a model from a Hugging Face hub: configuration, tokenizer, chat template and"
            + " safetensors, nothing else. Every file is checked; an interrupted pull goes on where"
            + " it was; the folder appears when it is complete.",
    footer = {
      "",
      "Models go to $VQUANT_MODELS, else $XDG_DATA_HOME/vquant/models, else",
      "~/.local/share/vquant/models, where -m ORG/NAME of every command finds them.",
      "A token in HF_TOKEN goes to the hub alone. HF_ENDPOINT names another hub than",
      "https://huggingface.co, as --hub does. Exit codes: 4 when hub, network or disk refuse,",
      "3 when there is no model in it that this engine reads.",
      "",
      "Examples:",
      "  pull HuggingFaceTB/SmolLM2-135M-Instruct",
      "  generate -m HuggingFaceTB/SmolLM2-135M-Instruct \"What is the capital of France?\"",
      "  pull Qwen/Qwen3-0.6B@main --to models/qwen3"
    })
final class PullCommand implements Callable<Integer> {
  private final CommandContext context;

  @Parameters(
      paramLabel = "ORG/NAME[@REVISION]",
      description = "which model (default revision: main)")
  private String name = "";

  @Option(
      names = "--to",
      paramLabel = "DIR",
      description = "the folder that the model will be (default: below the folder of all)")
  private @Nullable String to;

  @Option(names = "--hub", paramLabel = "URL", description = "the hub's address")
  private @Nullable String hub;

  @Option(names = "--json", description = "one JSON object in place of text")
  private boolean json;

  @Mixin private OutputOptions output;

  PullCommand(CommandContext context) {
    this.context = context;
    output = new OutputOptions();
  }

  @Override
  public Integer call() {
    ModelName model =
        ModelName.parse(name)
            .orElseThrow(() ->
                CommandFailure.usage(
                    name + ": expected ORG/NAME or ORG/NAME@REVISION, as the hub names models"));
    Path target = to == null ? context.modelsFolder().resolve(model.folder()) : folder(to);
    try (ProgressBar bar =
        ProgressBar.ofBytes(context.console().err(), "pulling", System.nanoTime())) {
      ModelPull pull = new ModelPull(hub(), model, target, listener(bar));
      context.interruption().onRequest(pull::cancel);
      report(model, run(pull, bar));
    }
    return ExitCode.DONE;
  }

  private static PulledModel run(ModelPull pull, ProgressBar bar) {
    try {
      return pull.run();
    } catch (HubException e) {
      String message = String.valueOf(e.getMessage());
      throw e.reason() == HubException.Reason.UNUSABLE_MODEL
          ? CommandFailure.badModel(message)
          : CommandFailure.badInput(message, e);
    } catch (PullCancelledException e) {
      throw new InterruptedCommandException();
    } finally {
      bar.close();
    }
  }

  private static Path folder(String to) {
    try {
      return Path.of(to).toAbsolutePath().normalize();
    } catch (InvalidPathException e) {
      throw CommandFailure.usage("--to " + to + ": not a folder name: " + e.getReason());
    }
  }

  private Hub hub() {
    String fromEnvironment = context.environment().getOrDefault("HF_ENDPOINT", "");
    String source = hub != null ? "--hub " : "HF_ENDPOINT ";
    String address =
        hub != null ? hub : fromEnvironment.isEmpty() ? Hub.DEFAULT_ADDRESS : fromEnvironment;
    try {
      return Hub.of(address, context.environment().get("HF_TOKEN"));
    } catch (IllegalArgumentException e) {
      String message = String.valueOf(e.getMessage());
      throw CommandFailure.usage(
          message.startsWith("token") ? "HF_TOKEN: " + message : source + message);
    }
  }

  private PullListener listener(ProgressBar bar) {
    return new PullListener() {
      @Override
      public void onBytes(long doneBytes, long totalBytes) {
        if (output.showsProgress()) {
          bar.update(doneBytes, totalBytes, System.nanoTime());
        }
      }

      @Override
      public void onNotice(String line) {
        if (!output.quiet()) {
          bar.close();
          context.console().message(line);
        }
      }
    };
  }

  private void report(ModelName model, PulledModel pulled) {
    TextOutput out = context.console().out();
    if (json) {
      out.line(
          new JsonText()
              .put("model", model.toString())
              .put("commit", pulled.commit())
              .put("folder", pulled.folder().toString())
              .put("files", pulled.files())
              .put("bytes", pulled.byteSize())
              .put("fetched_bytes", pulled.fetchedBytes())
              .compact());
    } else {
      out.line(pulled.folder().toString());
    }
    out.flush();
    if (!output.quiet()) {
      context
          .console()
          .message(
              "%s at commit %s: %d files, %s%s"
                  .formatted(
                      model,
                      pulled.commit(),
                      pulled.files(),
                      Quantities.bytes(pulled.byteSize()),
                      pulled.fetchedBytes() == 0
                          ? ", all there before"
                          : "; fetched " + Quantities.bytes(pulled.fetchedBytes())));
    }
  }
}
