package io.vquant.weights;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TensorScanTest {
  private static final Path FILE = Path.of("x.safetensors");

  private static StoredTensor tensor(String name, ElementType type, MemorySegment data) {
    long count = data.byteSize() / type.byteSize();
    return new StoredTensor(name, type, List.of(count), data, FILE, 0);
  }

  /** Every pattern of the upper two bytes of an element, over zeros and over ones below. */
  @ParameterizedTest
  @EnumSource
  void countsAgreeWithTheValuesOneByOne(ElementType type) {
    int size = type.byteSize();
    byte[] bytes = new byte[2 * 65536 * Math.max(size, 2)];
    for (int i = 0; i < 2 * 65536; i++) {
      int start = i * Math.max(size, 2);
      for (int lower = 0; lower < size - 2; lower++) {
        bytes[start + lower] = (byte) (i < 65536 ? 0 : -1);
      }
      bytes[start + Math.max(size, 2) - 1] = (byte) (i >> 8);
      bytes[start + Math.max(size, 2) - 2] = (byte) i;
    }
    StoredTensor tensor = tensor("t", type, MemorySegment.ofArray(bytes));
    long nans = 0;
    long infinities = 0;
    for (long i = 0; i < tensor.elementCount(); i++) {
      double value =
          type == ElementType.F64
              ? Double.longBitsToDouble(tensor.data().get(ElementReader.LONG, i * 8))
              : tensor.floatAt(i);
      nans += Double.isNaN(value) ? 1 : 0;
      infinities += Double.isInfinite(value) ? 1 : 0;
    }

    TensorScan scan = TensorScan.of(tensor);

    assertThat(scan.nanCount()).isEqualTo(nans);
    assertThat(scan.infinityCount()).isEqualTo(infinities);
    assertThat(scan.isFinite()).isEqualTo(!type.isFloatingPoint());
  }

  @Test
  void valuesAtTheSeamsOfLargeTensorsAreSeenAndProgressEndsAtTheTotal() {
    try (Arena arena = Arena.ofConfined()) {
      long byteSize = (2L << 24) + 6;
      MemorySegment data = arena.allocate(byteSize, 1);
      for (long index : new long[] {0, (1L << 23) - 1, 1L << 23, 1L << 24, byteSize / 2 - 1}) {
        data.set(ElementReader.SHORT, index * 2, (short) 0x7fc0);
      }
      data.set(ElementReader.SHORT, 2, (short) 0xff80);
      WeightStore store =
          new WeightStore(
              FILE,
              List.of(
                  tensor("b", ElementType.BF16, data),
                  tensor(
                      "a", ElementType.I32, MemorySegment.ofArray(new byte[] {-1, -1, -1, -1}))));
      List<Long> steps = new ArrayList<>();

      List<TensorScan> scans =
          TensorScan.ofAll(
              store,
              (done, total) -> {
                assertThat(total).isEqualTo(byteSize + 4);
                steps.add(done);
              });

      assertThat(scans).extracting(scan -> scan.tensor().name()).containsExactly("a", "b");
      assertThat(scans.get(0).isFinite()).isTrue();
      assertThat(scans.get(1).nanCount()).isEqualTo(5);
      assertThat(scans.get(1).infinityCount()).isEqualTo(1);
      assertThat(steps).isSorted().hasSize(4).endsWith(byteSize + 4);
    }
  }
}
