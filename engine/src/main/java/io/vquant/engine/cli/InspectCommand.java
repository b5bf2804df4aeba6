package io.vquant.engine.cli;

import io.vquant.kernels.Backends;
import io.vquant.kernels.backend.BackendOptions;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.quant.WeightPolicy;
import io.vquant.kernels.tensor.Device;
import io.vquant.model.loading.LoadedModel;
import io.vquant.model.loading.ModelLoader;
import io.vquant.weights.TensorScan;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code inspect}: what a model folder holds, checked as for running it. */
@Command(
    description =
        "Shows what a model folder holds: architecture, parameters, tensors by type, the"
            + " tokenizer, and the memory that running it takes.",
    footer = {
      "",
      "Examples:",
      "  inspect -m path/to/model",
      "  inspect -m path/to/model --check --json",
      "  inspect -m path/to/model --weights q4"
    })
final class InspectCommand implements Callable<Integer> {
  private static final int MAX_NAMED_TENSORS = 3;
  private final CommandContext context;
  @Mixin private ModelFolderOption folder;
  @Mixin private OutputOptions output;

  @Option(
      names = "--weights",
      paramLabel = "FORMAT",
      description = "what they take in q8 or q4, with settings; quantizes them to see")
  private String weights = PolicyNames.STORED;

  @Option(names = "--tensors", description = "also every tensor: name, type, shape, file, offset")
  private boolean tensors;

  @Option(names = "--check", description = "read every value: NaN and infinity are an error")
  private boolean check;

  @Option(names = "--json", description = "one JSON object in place of text")
  private boolean json;

  InspectCommand(CommandContext context) {
    this.context = context;
    folder = new ModelFolderOption();
    output = new OutputOptions();
  }

  @Override
  public Integer call() {
    WeightPolicy policy = PolicyNames.weights("--weights", weights);
    Path path = folder.path(context);
    try (KernelBackend backend = backend(policy);
        LoadedModel model =
            ModelLoader.load(path, backend, policy, (doneBytes, totalBytes) -> {})) {
      Optional<TokenizerReport> tokenizer =
          TokenizerReport.of(path, ModelOptions.nativeCache(context));
      if (check) {
        requireFinite(model);
      }
      ModelReport report = new ModelReport(folder.name(), model, policy, tokenizer, tensors, check);
      TextOutput out = context.console().out();
      if (json) {
        out.line(report.json().compact());
      } else {
        out.print(report.text());
      }
      if (output.debug()) {
        model.notices().forEach(notice -> context.console().message("notice: " + notice));
      }
    }
    return ExitCode.DONE;
  }

  /**
   * Loading for the reference backend computes nothing and checks every name and shape; the CPU's
   * quantizes with all its threads.
   */
  private static KernelBackend backend(WeightPolicy policy) {
    return policy.quantizes()
        ? Backends.open(Device.CPU, new BackendOptions(Runtime.getRuntime().availableProcessors()))
        : Backends.open(Device.REFERENCE, new BackendOptions(1));
  }

  private void requireFinite(LoadedModel model) {
    List<TensorScan> damaged;
    try (ProgressBar bar =
        ProgressBar.ofBytes(context.console().err(), "checking", System.nanoTime())) {
      damaged =
          TensorScan.ofAll(
                  model.checkpoint().weights(),
                  (done, total) -> {
                    if (output.showsProgress()) {
                      bar.update(done, total, System.nanoTime());
                    }
                  })
              .stream()
              .filter(scan -> !scan.isFinite())
              .toList();
    }
    if (!damaged.isEmpty()) {
      throw CommandFailure.badModel(describe(damaged));
    }
  }

  private static String describe(List<TensorScan> damaged) {
    StringBuilder text = new StringBuilder();
    text.append(damaged.getFirst().tensor().file()).append(": expected finite numbers, found ");
    for (TensorScan scan : damaged.subList(0, Math.min(damaged.size(), MAX_NAMED_TENSORS))) {
      text.append(scan.nanCount()).append(" NaN and ").append(scan.infinityCount());
      text.append(" infinite in ").append(scan.tensor().name()).append(", ");
    }
    text.setLength(text.length() - 2);
    int more = damaged.size() - MAX_NAMED_TENSORS;
    return more > 0
        ? text.append(" and more in ").append(more).append(" others").toString()
        : text.toString();
  }
}
