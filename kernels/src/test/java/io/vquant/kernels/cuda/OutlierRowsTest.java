package io.vquant.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.vquant.kernels.quant.Outliers;
import org.junit.jupiter.api.Test;

/** Needs no GPU. */
class OutlierRowsTest {

  @Test
  void entriesComeByRowThenByColumn() {
    // Panel 0: rows 3 and 63 in column 0, row 3 in column 7; panel 1: row 64 + 1 in column 2.
    int[] places = {3, 63, 7 * 64 + 3, 2 * 64 + 1};
    Outliers list = new Outliers(new int[] {0, 3, 4}, places, new float[] {1, 2, 3, 4});
    OutlierRows rows = new OutlierRows(list, 70);
    assertThat(rows.columns()).containsExactly(0, 7, 0, 2);
    assertThat(rows.differences()).containsExactly(1, 3, 2, 4);
    assertThat(rows.starts()).hasSize(71);
    assertThat(rows.starts()[3]).isEqualTo(0);
    assertThat(rows.starts()[4]).isEqualTo(2);
    assertThat(rows.starts()[63]).isEqualTo(2);
    assertThat(rows.starts()[64]).isEqualTo(3);
    assertThat(rows.starts()[65]).isEqualTo(3);
    assertThat(rows.starts()[66]).isEqualTo(4);
    assertThat(rows.starts()[70]).isEqualTo(4);
  }
}
