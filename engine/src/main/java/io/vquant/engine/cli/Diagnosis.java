package io.vquant.engine.cli;

import io.vquant.kernels.Backends;
import io.vquant.kernels.backend.BackendOptions;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.backend.UnsupportedKernelException;
import io.vquant.kernels.cuda.CudaAvailability;
import io.vquant.kernels.tensor.Device;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** What {@code doctor} looks at, in the order it tells. */
final class Diagnosis {
  /** Less than this and only small models fit. */
  private static final long LITTLE_MEMORY_BYTES = 2L << 30;

  private final CommandContext context;

  Diagnosis(CommandContext context) {
    this.context = context;
  }

  List<Finding> findings() {
    CpuInfo cpu = CpuInfo.ofThisMachine();
    return List.of(
        java(),
        vectors(cpu),
        processor(cpu),
        cores(),
        memory(),
        nativeAccess(),
        cudaDriver(),
        cudaKernels(),
        cache(),
        bundledModel());
  }

  private static Finding java() {
    return Finding.ok(
        "Java",
        System.getProperty("java.version")
            + " ("
            + System.getProperty("java.vendor")
            + ") in "
            + System.getProperty("java.home"));
  }

  /** The backend says itself what is wrong, in the words that running a model would get. */
  private static Finding vectors(CpuInfo cpu) {
    try (KernelBackend backend = Backends.open(Device.CPU, new BackendOptions(1))) {
      String bits = cpu.has("avx512f") ? "512" : "256";
      return Finding.ok(
          "Vector API", "open, vectors of up to " + bits + " bits, device " + backend.device());
    } catch (UnsupportedKernelException e) {
      return Finding.missing("Vector API", String.valueOf(e.getMessage()));
    } catch (LinkageError e) {
      return Finding.missingRequired(
          "Vector API", "not open (" + e + "): start with java -jar vquant-engine.jar");
    }
  }

  private static Finding processor(CpuInfo cpu) {
    String text = cpu.name() + ": " + String.join(", ", cpu.notable());
    if (!cpu.has("avx2") || !cpu.has("fma")) {
      return Finding.warning("CPU", text + "; without AVX2 and FMA everything is slow");
    }
    return Finding.ok("CPU", text);
  }

  private static Finding cores() {
    int cores = Runtime.getRuntime().availableProcessors();
    String text = cores + " for this process; --threads uses fewer";
    return cores == 1
        ? Finding.warning("cores", "1 for this process; more make prefill faster")
        : Finding.ok("cores", text);
  }

  private static Finding memory() {
    long available = ProcessFacts.availableMemoryBytes();
    long total = ProcessFacts.totalMemoryBytes();
    String text = Quantities.bytes(available) + " free of " + Quantities.bytes(total);
    return available < LITTLE_MEMORY_BYTES
        ? Finding.warning("memory", text + "; close other programs before loading larger models")
        : Finding.ok("memory", text);
  }

  private static Finding nativeAccess() {
    boolean enabled = Diagnosis.class.getModule().isNativeAccessEnabled();
    return enabled
        ? Finding.ok("native access", "enabled")
        : Finding.warning(
            "native access",
            "not enabled: start with java -jar, or add --enable-native-access=ALL-UNNAMED");
  }

  private static Finding cudaDriver() {
    CudaInfo cuda = CudaInfo.ofThisMachine();
    if (cuda.driver().isEmpty()) {
      return Finding.missing("CUDA driver", "no NVIDIA driver: only needed for --device cuda:0");
    }
    if (cuda.devices().isEmpty()) {
      return Finding.warning("CUDA driver", cuda.driver() + ", but it lists no device");
    }
    return Finding.ok(
        "CUDA driver", cuda.driver() + ", devices: " + String.join(", ", cuda.devices()));
  }

  private static Finding cudaKernels() {
    Optional<String> kernels = CudaAvailability.kernels();
    if (kernels.isEmpty()) {
      return Finding.missing(
          "CUDA kernels",
          "this build has none (built without nvcc): models run on the CPU (--device cpu)");
    }
    try {
      return Finding.ok(
          "CUDA kernels",
          "%s, %s, %s"
              .formatted(kernels.get(), CudaAvailability.describe(0), CudaAvailability.products()));
    } catch (UnsupportedKernelException e) {
      return Finding.missing("CUDA kernels", kernels.get() + "; " + e.getMessage());
    }
  }

  private Finding cache() {
    try {
      Path folder = context.cacheFolder();
      return Finding.ok("cache folder", folder.toString());
    } catch (CommandFailure e) {
      return Finding.missingRequired("cache folder", String.valueOf(e.getMessage()));
    }
  }

  private Finding bundledModel() {
    BundledModel model = BundledModel.open();
    try {
      Path cache = context.cacheFolder();
      Path folder = model.unpack(cache);
      List<String> damaged = model.damagedFiles(cache);
      return damaged.isEmpty()
          ? Finding.ok("bundled model", folder.toString())
          : Finding.warning(
              "bundled model",
              "changed since it was unpacked: "
                  + String.join(", ", damaged)
                  + "; delete "
                  + folder);
    } catch (CommandFailure e) {
      return Finding.missing("bundled model", e.getMessage() + "; other models need --model");
    } catch (IOException e) {
      return Finding.warning("bundled model", "cannot be read: " + e);
    }
  }
}
