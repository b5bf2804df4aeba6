package io.vquant.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import io.vquant.kernels.backend.BackendOptions;
import io.vquant.kernels.quant.QuantScheme;
import io.vquant.kernels.quant.QuantizeListener;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.HostStorage;
import io.vquant.kernels.tensor.Layout;
import io.vquant.kernels.tensor.Tensor;
import java.util.SplittableRandom;
import java.util.zip.CRC32;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Products with weights in codes have these bits, on vectors of any width, for one input row and
 * for many.
 */
class QuantizedLinearBitsTest {

  private static final int ROWS = 9;
  private static final int FEATURES = 100;
  private static final int COLUMNS = 640;

  @ParameterizedTest
  @CsvSource({
    "q4,32,1317979734",
    "q4,64,2418051833",
    "q4,128,2776184114",
    "q8,32,2092936160",
    "q8,64,696791410"
  })
  void bits(String name, String group, long expected) {
    QuantScheme scheme = QuantScheme.of(name).orElseThrow().with("group", group);
    try (CpuBackend backend = new CpuBackend(new BackendOptions(2))) {
      SplittableRandom random = new SplittableRandom(7);
      Tensor weight = random(backend, random, FEATURES);
      var linear = backend.linear(backend.quantize(weight, scheme, QuantizeListener.NONE), null);
      Tensor x = random(backend, random, ROWS);
      Tensor out = backend.matrix(ROWS, FEATURES);
      linear.forward(out, x);
      long together = checksum(out);
      for (int row = 0; row < ROWS; row++) {
        linear.forward(out.rows(row, 1), x.rows(row, 1));
      }
      assertThat(checksum(out)).as("row by row").isEqualTo(together);
      assertThat(together).as(scheme + ", columns " + COLUMNS).isEqualTo(expected);
    }
  }

  private static Tensor random(CpuBackend backend, SplittableRandom random, int rows) {
    HostStorage storage = (HostStorage) backend.allocate(4L * rows * COLUMNS);
    for (long i = 0; i < (long) rows * COLUMNS; i++) {
      float value = (float) (random.nextDouble() + random.nextDouble() - 1);
      storage.segment().set(Simd.FLOAT, 4 * i, value);
    }
    return new Tensor(storage, DType.F32, Layout.dense(rows, COLUMNS));
  }

  private static long checksum(Tensor matrix) {
    CRC32 crc = new CRC32();
    for (int row = 0; row < matrix.rows(); row++) {
      for (int column = 0; column < matrix.columns(); column++) {
        int bits =
            Float.floatToRawIntBits(
                Simd.get(Operands.address(matrix) + row * Operands.stride(matrix) + 4L * column));
        for (int shift = 0; shift < 32; shift += 8) {
          crc.update(bits >>> shift);
        }
      }
    }
    return crc.getValue();
  }
}
