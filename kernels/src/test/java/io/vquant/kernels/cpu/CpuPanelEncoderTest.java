package io.vquant.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import io.vquant.kernels.backend.BackendOptions;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.quant.BFloat16;
import io.vquant.kernels.quant.CodeBits;
import io.vquant.kernels.quant.QuantScheme;
import io.vquant.kernels.quant.QuantizeListener;
import io.vquant.kernels.quant.QuantizedWeight;
import io.vquant.kernels.reference.ReferenceBackend;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Device;
import io.vquant.kernels.tensor.HostStorage;
import io.vquant.kernels.tensor.Layout;
import io.vquant.kernels.tensor.Storage;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** The vector encoder and its threads give the bytes of the scalar specification. */
final class CpuPanelEncoderTest {

  @Test
  void equalsTheScalarSpecification() {
    for (int seed = 0; seed < 40; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      CodeBits bits = random.nextBoolean() ? CodeBits.FOUR : CodeBits.EIGHT;
      int group = 32 << random.nextInt(bits == CodeBits.FOUR ? 3 : 2);
      float outliers = random.nextBoolean() ? 0 : 2 + random.nextInt(3);
      QuantScheme scheme = new QuantScheme(bits, group, outliers);
      int rows = 1 + random.nextInt(150);
      Tensor weight = weight(random, rows, group * (1 + random.nextInt(5)));
      try (KernelBackend reference = new ReferenceBackend();
          KernelBackend cpu = new CpuBackend(new BackendOptions(2))) {
        QuantizedWeight expected = reference.quantize(weight, scheme, QuantizeListener.NONE);
        QuantizedWeight actual = cpu.quantize(weight, scheme, QuantizeListener.NONE);
        String what = "seed " + seed + " " + scheme + " " + weight.layout();
        assertThat(bytes(actual.scales())).as(what).isEqualTo(bytes(expected.scales()));
        assertThat(bytes(actual.zeros())).as(what).isEqualTo(bytes(expected.zeros()));
        assertThat(bytes(actual.codes())).as(what).isEqualTo(bytes(expected.codes()));
        assertThat(actual.outliers().places()).as(what).isEqualTo(expected.outliers().places());
        assertThat(actual.outliers().differences())
            .as(what)
            .isEqualTo(expected.outliers().differences());
      }
    }
  }

  private static byte[] bytes(Storage storage) {
    return ((HostStorage) storage).segment().toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
  }

  /** Gaussian, with rows of zeros, equal weights, tiny ones and a few far out. */
  private static Tensor weight(SplittableRandom random, int rows, int columns) {
    MemorySegment memory = Arena.ofAuto().allocate(2L * rows * columns, 64);
    for (int row = 0; row < rows; row++) {
      int kind = random.nextInt(8);
      for (int c = 0; c < columns; c++) {
        float value = (float) random.nextGaussian();
        value =
            switch (kind) {
              case 0 -> 0;
              case 1 -> 0.5f;
              case 2 -> value * 1e-7f;
              case 3 -> random.nextInt(20) == 0 ? 30 * value : value;
              default -> value * 0.03f;
            };
        memory.set(Simd.SHORT, 2L * (row * columns + c), BFloat16.fromFloat(value));
      }
    }
    return new Tensor(new HostStorage(Device.CPU, memory), DType.BF16, Layout.dense(rows, columns));
  }
}
