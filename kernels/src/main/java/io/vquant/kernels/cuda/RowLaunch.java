package io.vquant.kernels.cuda;

import io.vquant.kernels.cuda.driver.CudaDevice;
import io.vquant.kernels.quant.CodeBits;
import io.vquant.kernels.quant.PanelLayout;
import io.vquant.kernels.quant.QuantScheme;
import java.util.Optional;

/**
 * The shape of a launch that multiplies one row with weights in codes. A cluster takes a panel at a
 * time, so few panels are shared by clusters of more blocks.
 *
 * @param cluster blocks that share a panel
 * @param clusters how many of them; each takes every so-manieth panel
 * @param sharedByteSize of a block
 */
record RowLaunch(int cluster, int clusters, int sharedByteSize) {
  /** Threads of a block. */
  static final int THREADS = 256;

  private static final int WARPS = THREADS / 32;
  private static final int MOST_BLOCKS = 8;
  private static final int BLOCKS_A_MULTIPROCESSOR = 2;

  /** Three pieces of 16 bits for each column of a strip. */
  private static final int STRIP_BYTES = 3 * 2 * PanelLayout.STRIP;

  /** Factor and sum of a group. */
  private static final int GRID_BYTES = 8;

  /** Two sets each of the sums of warps and outliers, and of blocks. */
  private static final int SUM_BYTES =
      2 * (2 * WARPS + THREADS / PanelLayout.PANEL_ROWS + MOST_BLOCKS) * PanelLayout.PANEL_ROWS * 4;

  /**
   * Chooses one; empty if x does not fit into the device's shared memory.
   *
   * @param panels of the weights together; of one where one gates the other
   * @param gated whether a panel is of two weights
   */
  static Optional<RowLaunch> choose(
      CudaDevice device, QuantScheme scheme, int columns, int panels, boolean gated) {
    int slots = BLOCKS_A_MULTIPROCESSOR * device.multiprocessors();
    int most = device.major() >= 9 ? MOST_BLOCKS : 1;
    int groups = columns / scheme.group();
    int cluster = 1;
    while (cluster < most
        && 2L * cluster * panels <= slots
        && members(2 * cluster, gated) <= groups) {
      cluster *= 2;
    }
    while (cluster < most && bytes(scheme, groups, cluster, gated) > limit(device)) {
      cluster *= 2;
    }
    long bytes = bytes(scheme, groups, cluster, gated);
    if (bytes > limit(device)) {
      return Optional.empty();
    }
    int rounds = (int) Math.ceilDiv((long) panels * cluster, (long) slots);
    return Optional.of(new RowLaunch(cluster, Math.ceilDiv(panels, rounds), (int) bytes));
  }

  private static int limit(CudaDevice device) {
    return device.sharedByteSizePerBlock();
  }

  /** Warps that share a panel of one weight. */
  private static int members(int cluster, boolean gated) {
    return WARPS * cluster / (gated ? 2 : 1);
  }

  private static long bytes(QuantScheme scheme, int groups, int cluster, boolean gated) {
    int members = members(cluster, gated);
    int ofBlock = Math.min(WARPS, members);
    // Shares differ by a group, and the list of groups is rounded up to an even number.
    long blockGroups = Math.min(groups, Math.ceilDiv((long) groups * ofBlock, members) + 1) + 1;
    int strips = scheme.group() / PanelLayout.STRIP;
    return (long) WARPS * stages(scheme) * groupBytes(scheme)
        + SUM_BYTES
        + blockGroups * (GRID_BYTES + (long) strips * STRIP_BYTES);
  }

  /** Bytes of a group of a panel: codes, scales and zeros. */
  private static int groupBytes(QuantScheme scheme) {
    int rows = PanelLayout.PANEL_ROWS;
    int grids = scheme.isAsymmetric() ? 2 : 1;
    return scheme.group() * rows * scheme.bits().bits() / Byte.SIZE + grids * rows * Short.BYTES;
  }

  /** Groups that a warp has in memory or under way, as in gemv_codes.cu. */
  private static int stages(QuantScheme scheme) {
    if (scheme.bits() == CodeBits.EIGHT) {
      return scheme.group() == 32 ? 4 : 3;
    }
    return switch (scheme.group()) {
      case 32 -> 6;
      case 64 -> 4;
      default -> 3;
    };
  }
}
