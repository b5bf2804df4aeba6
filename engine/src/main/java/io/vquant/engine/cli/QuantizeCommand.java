package io.vquant.engine.cli;

import io.vquant.kernels.Backends;
import io.vquant.kernels.backend.BackendOptions;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.quant.WeightPolicy;
import io.vquant.kernels.tensor.Device;
import io.vquant.model.loading.LoadListener;
import io.vquant.model.loading.LoadedModel;
import io.vquant.model.loading.ModelLoader;
import io.vquant.model.loading.QuantizationErrors;
import io.vquant.model.loading.QuantizedFolder;
import io.vquant.model.loading.WeightMemory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code quantize}: a model folder with weights in 8 or 4 bits, or what that would lose. */
@Command(
    description =
        "Writes a model folder whose weights are in 8 or 4 bits: it loads at once, as it is mapped."
            + " Needs no data to calibrate with.",
    footer = {
      "",
      "With --report nothing is written: for every matrix and every --weights given, the sum of",
      "squared errors over the sum of squared weights.",
      "Examples:",
      "  quantize -m path/to/model --weights q4 --out path/to/model-q4",
      "  quantize -m path/to/model --weights q4,group=64,outliers=3,head=q8 --out folder",
      "  quantize -m path/to/model --report --weights q4 --weights q4,outliers=3"
    })
final class QuantizeCommand implements Callable<Integer> {
  private final CommandContext context;
  @Mixin private ModelFolderOption folder;
  @Mixin private OutputOptions output;

  @Option(
      names = "--weights",
      required = true,
      paramLabel = "FORMAT",
      description = "q8 or q4, with settings such as q4,group=64,outliers=3,head=q8")
  private List<String> weights = new ArrayList<>();

  @Option(
      names = {"-o", "--out"},
      paramLabel = "DIR",
      description = "the folder to write; must not exist")
  private @Nullable String out;

  @Option(names = "--report", description = "what quantizing loses, matrix by matrix")
  private boolean report;

  @Option(
      names = {"-t", "--threads"},
      paramLabel = "N",
      description = "threads that compute (default: the cores this process may use)")
  private int threads = Runtime.getRuntime().availableProcessors();

  @Option(names = "--json", description = "one JSON object in place of text")
  private boolean json;

  QuantizeCommand(CommandContext context) {
    this.context = context;
    folder = new ModelFolderOption();
    output = new OutputOptions();
  }

  @Override
  public Integer call() {
    if ((out == null) == !report) {
      throw CommandFailure.usage("give one of --out and --report");
    }
    if (threads < 1 || threads > ModelOptions.MAX_THREADS) {
      throw CommandFailure.usage(
          "--threads " + threads + ": expected 1 to " + ModelOptions.MAX_THREADS);
    }
    List<WeightPolicy> policies = policies();
    if (report) {
      report(policies);
    } else {
      write(policies);
    }
    return ExitCode.DONE;
  }

  private List<WeightPolicy> policies() {
    List<WeightPolicy> policies = new ArrayList<>();
    for (String format : weights) {
      WeightPolicy policy = PolicyNames.weights("--weights", format);
      if (!policy.quantizes()) {
        throw CommandFailure.usage("--weights " + format + ": expected q8 or q4");
      }
      policies.add(policy);
    }
    return policies;
  }

  private KernelBackend backend() {
    return Backends.open(Device.CPU, new BackendOptions(threads));
  }

  private void report(List<WeightPolicy> policies) {
    QuantizationReport table = new QuantizationReport(folder.name(), policies);
    try (ProgressBar bar = bar("quantizing")) {
      QuantizationErrors.measure(
          folder.path(context), this::backend, policies, listener(bar), table::add);
    }
    context.console().out().print(json ? table.json().compact() + "\n" : table.text()).flush();
  }

  private void write(List<WeightPolicy> policies) {
    if (policies.size() > 1) {
      throw CommandFailure.usage("--weights: " + policies.size() + " formats, one can be written");
    }
    WeightPolicy policy = policies.getFirst();
    Path target = target();
    Path source = folder.path(context);
    context.interruption().onRequest(() -> {}); // the listener ends it and tidies up
    try (KernelBackend backend = backend();
        ProgressBar bar = bar("quantizing");
        LoadedModel model = ModelLoader.load(source, backend, policy, listener(bar))) {
      if (model.config().storedWeights().quantizes()) {
        throw CommandFailure.usage(
            "--weights "
                + policy
                + ": these weights are quantized already, as "
                + model.config().storedWeights());
      }
      context.interruption().check();
      QuantizedFolder.write(model, source, target, policy);
      tell(policy, target, model.weightMemory());
    } catch (IOException e) {
      throw CommandFailure.badInput("--out " + out + ": cannot be written: " + e, e);
    }
  }

  private void tell(WeightPolicy policy, Path target, WeightMemory memory) {
    if (json) {
      JsonText object =
          new JsonText()
              .put("out", target.toString())
              .put("weights", policy.toString())
              .put("bits_per_weight", memory.bitsPerWeight())
              .put("weights_bytes", memory.byteSize())
              .put("outliers", memory.outliers());
      context.console().out().line(object.compact()).flush();
    } else if (!output.quiet()) {
      context
          .console()
          .message(
              "%s: %s, %s bits a weight, %s"
                  .formatted(
                      target,
                      policy,
                      Quantities.decimal(memory.bitsPerWeight(), 2),
                      Quantities.bytes(memory.byteSize())));
    }
  }

  private ProgressBar bar(String title) {
    return ProgressBar.ofBytes(context.console().err(), title, System.nanoTime());
  }

  private LoadListener listener(ProgressBar bar) {
    return (done, total) -> {
      if (output.showsProgress()) {
        synchronized (bar) {
          bar.update(done, total, System.nanoTime());
        }
      }
    };
  }

  /** Finds out before anything is read whether the folder can be written. */
  private Path target() {
    try {
      Path target = Path.of(String.valueOf(out)).toAbsolutePath().normalize();
      Path parent = target.getParent();
      if (parent == null || !Files.isDirectory(parent)) {
        throw CommandFailure.badInput("--out " + out + ": no such folder above it");
      }
      if (Files.exists(target)) {
        throw CommandFailure.badInput("--out " + out + ": there already, expected a new name");
      }
      if (!Files.isWritable(parent)) {
        throw CommandFailure.badInput("--out " + out + ": the folder above cannot be written");
      }
      return target;
    } catch (InvalidPathException e) {
      throw CommandFailure.badInput("--out " + out + ": not a folder name: " + e.getReason(), e);
    }
  }
}
