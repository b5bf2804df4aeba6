package io.vquant.kernels.conformance;

import io.vquant.kernels.cuda.CudaLineLayers;
import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.kvcache.KvLayer;
import io.vquant.kernels.kvcache.LineKvLayer;
import io.vquant.kernels.kvcache.PageLayout;
import java.lang.foreign.MemorySegment;
import java.util.function.ObjIntConsumer;

/** Looks into packing layers of any device. */
final class DeviceLineLayers {
  private DeviceLineLayers() {}

  /** The layer itself, or a copy in host memory of what it holds. */
  static LineKvLayer contents(KvCacheSpec spec, KvLayer layer) {
    return layer instanceof LineKvLayer host ? host : CudaLineLayers.copy(spec, layer);
  }

  /**
   * Changes the last hot tile.
   *
   * @param edit is given the tile, and how many of its rows are in use
   */
  static void editLastTile(KvLayer layer, ObjIntConsumer<MemorySegment> edit) {
    if (layer instanceof LineKvLayer host) {
      int last = host.hotTiles() - 1;
      int used = host.length() - host.hotStart() - last * PageLayout.TOKENS;
      edit.accept(host.hotTile(last), used);
    } else {
      CudaLineLayers.editLastTile(layer, edit);
    }
  }
}
