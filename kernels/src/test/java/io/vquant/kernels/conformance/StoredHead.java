package io.vquant.kernels.conformance;

import io.vquant.kernels.kvcache.GroupEncoding;
import io.vquant.kernels.kvcache.GroupLayout;
import io.vquant.kernels.kvcache.KvPageLayout;
import io.vquant.kernels.kvcache.KvSide;
import io.vquant.kernels.kvcache.LineKvLayer;
import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.quant.Float16;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * What a layer holds of one KV head, decoded, and how large the terms are that a kernel adds for
 * it: of a code times its scale plus a zero, both count.
 */
final class StoredHead {

  private static final ValueLayout.OfShort HALF = ValueLayout.JAVA_SHORT_UNALIGNED;

  private final float[] keys;
  private final float[] values;
  private final double[] keyTerms;
  private final double[] valueTerms;

  private StoredHead(float[] keys, float[] values) {
    this.keys = keys;
    this.values = values;
    keyTerms = magnitudes(keys);
    valueTerms = magnitudes(values);
  }

  static StoredHead read(LineKvLayer layer, int kvHead) {
    int headDim = layer.tileLayout().headDim();
    float[] keys = new float[layer.length() * headDim];
    float[] values = new float[layer.length() * headDim];
    layer.readHead(kvHead, keys, values);
    StoredHead stored = new StoredHead(keys, values);
    KvPageLayout layout = layer.pageLayout();
    GroupLayout keyLayout = ((GroupEncoding) layout.format().keys()).layout(KvSide.KEYS, headDim);
    GroupLayout valueLayout =
        ((GroupEncoding) layout.format().values()).layout(KvSide.VALUES, headDim);
    for (int page = layer.firstPackedPage(); page < layer.packedPages(); page++) {
      for (int token = 0; token < PageLayout.TOKENS; token++) {
        if ((layer.lineMasks(kvHead)[page] >>> token & 1) != 0) {
          continue;
        }
        int at = (page * PageLayout.TOKENS + token) * headDim;
        MemorySegment packed = layer.packedPage(page);
        for (int c = 0; c < headDim; c++) {
          double zero = zero(packed, layout.keysOffset(kvHead), keyLayout, token, c);
          stored.keyTerms[at + c] = Math.abs(keys[at + c] - zero) + Math.abs(zero);
          zero = zero(packed, layout.valuesOffset(kvHead), valueLayout, token, c);
          stored.valueTerms[at + c] = Math.abs(values[at + c] - zero) + Math.abs(zero);
        }
      }
    }
    return stored;
  }

  /** Keys {@code [length, headDim]}. */
  float[] keys() {
    return keys;
  }

  float[] values() {
    return values;
  }

  /** {@code |scale * code| + |zero|} of packed keys, the magnitude of others. */
  double[] keyTerms() {
    return keyTerms;
  }

  double[] valueTerms() {
    return valueTerms;
  }

  private static double zero(MemorySegment page, long side, GroupLayout layout, int token, int c) {
    long at = side + layout.zerosOffset() + 2L * layout.group(token, c);
    return Float16.toFloat(page.get(HALF, at));
  }

  private static double[] magnitudes(float[] values) {
    double[] magnitudes = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      magnitudes[i] = Math.abs(values[i]);
    }
    return magnitudes;
  }
}
