package io.vquant.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.vquant.kernels.cuda.driver.CudaDevice;
import io.vquant.kernels.quant.CodeBits;
import io.vquant.kernels.quant.QuantScheme;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Needs no GPU. */
class RowLaunchTest {
  private static final CudaDevice H200 =
      new CudaDevice(0, "H200", 9, 0, 132, 141L << 30, 227 << 10);
  private static final CudaDevice A100 = new CudaDevice(0, "A100", 8, 0, 108, 80L << 30, 163 << 10);
  private static final QuantScheme Q4 = new QuantScheme(CodeBits.FOUR, 32, 0);

  /** The weights of an 8B Llama: all blocks are on the device at once, and nearly fill it. */
  @ParameterizedTest
  @CsvSource({
    "4096, 96, false, 2, 96", // q, k and v
    "4096, 64, false, 4, 64",
    "4096, 224, true, 1, 224",
    "14336, 64, false, 4, 64",
    "4096, 2004, false, 1, 251",
  })
  void fewPanelsAreSharedByMoreBlocks(
      int columns, int panels, boolean gated, int cluster, int clusters) {
    RowLaunch launch = RowLaunch.choose(H200, Q4, columns, panels, gated).orElseThrow();
    assertThat(launch.cluster()).isEqualTo(cluster);
    assertThat(launch.clusters()).isEqualTo(clusters);
    assertThat(2 * launch.sharedByteSize()).as("two blocks an SM").isLessThan(226 << 10);
  }

  @Test
  void cardsBeforeHopperHaveNoClusters() {
    for (int columns : new int[] {32, 4096, 14336}) {
      RowLaunch launch = RowLaunch.choose(A100, Q4, columns, 1, false).orElseThrow();
      assertThat(launch.cluster()).isEqualTo(1);
    }
    assertThat(RowLaunch.choose(A100, Q4, 1 << 20, 64, false)).isEmpty();
  }

  @Test
  void everyShapeFitsAndEveryPanelIsTaken() {
    for (QuantScheme scheme :
        List.of(
            Q4,
            new QuantScheme(CodeBits.FOUR, 64, 0),
            new QuantScheme(CodeBits.FOUR, 128, 0),
            new QuantScheme(CodeBits.EIGHT, 32, 0),
            new QuantScheme(CodeBits.EIGHT, 64, 0))) {
      for (int groups : new int[] {1, 2, 3, 8, 35, 128, 224}) {
        for (int panels : new int[] {1, 2, 33, 264, 265, 2004}) {
          for (boolean gated : new boolean[] {false, true}) {
            RowLaunch launch =
                RowLaunch.choose(H200, scheme, groups * scheme.group(), panels, gated)
                    .orElseThrow();
            assertThat(launch.sharedByteSize()).isLessThanOrEqualTo(227 << 10);
            assertThat(launch.clusters()).isBetween(1, panels);
            assertThat(launch.clusters() * launch.cluster()).isLessThanOrEqualTo(2 * 132);
          }
        }
      }
    }
  }
}
