package io.vquant.kernels.cpu;

import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.kvcache.PlainPages;
import io.vquant.kernels.tensor.DType;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Brings one head of one page into the first-level cache as F32, where all query rows of a group
 * use it: keys {@code [headDim, 64]}, values {@code [64, paddedHeadDim]}. Tokens and channels stand
 * in the lane order of the stored type.
 */
final class PageReader {

  private static final int TOKENS = PageLayout.TOKENS;

  private final PageLayout layout;
  private final WeightRows rows;
  private final int valueVectors;
  private final int[] tokenAt = new int[TOKENS];
  private final int[] channelOrder;

  /** For each number of tokens those of the page's first, in the order of the columns. */
  private final int[][] firstTokens = new int[TOKENS + 1][];

  /** The columns where these tokens stand. */
  private final int[][] firstColumns = new int[TOKENS + 1][];

  PageReader(PageLayout layout) {
    this.layout = layout;
    rows = WeightRows.of(layout.dtype());
    valueVectors = rows.vectors(layout.headDim());
    boolean halves = layout.dtype() != DType.F32;
    for (int token = 0; token < TOKENS; token++) {
      tokenAt[halves ? HalfRows.arrangedIndex(token) : token] = token;
    }
    for (int tokens = 0; tokens <= TOKENS; tokens++) {
      int end = tokens;
      firstColumns[tokens] =
          IntStream.range(0, TOKENS).filter(column -> tokenAt[column] < end).toArray();
      firstTokens[tokens] =
          Arrays.stream(firstColumns[tokens]).map(column -> tokenAt[column]).toArray();
    }
    channelOrder = new int[layout.headDim()];
    for (int channel = 0; channel < channelOrder.length; channel++) {
      channelOrder[channel] = channel;
    }
  }

  /** Vectors of an unpacked row of values: channels, padded. */
  int valueVectors() {
    return valueVectors;
  }

  /** Which token of the page stands in a column of the scores. */
  int tokenAt(int column) {
    return tokenAt[column];
  }

  /** Divides an output row by {@code divisor} and writes its channels in their own order. */
  void writeChannels(long to, long row, int headDim, float divisor) {
    rows.restore(to, row, headDim, divisor);
  }

  /** Whether a page can be multiplied as it lies, without unpacking: BF16 in whole tiles. */
  boolean readsInPlace() {
    return layout.dtype() == DType.BF16 && layout.headDim() % Bf16OuterTile.COLUMNS == 0;
  }

  /** Scores {@code [rows, 64]} of queries {@code [rows, headDim]} with a head's keys, in place. */
  void scoresInPlace(
      long scores, int rows, float[] queries, PlainPages layer, int page, int kvHead) {
    long from = layer.page(page).address() + layout.keysOffset(kvHead);
    Bf16OuterTile.multiply(scores, rows, queries, layout.headDim(), channelOrder, from, TOKENS);
  }

  /**
   * Outputs {@code [rows, headDim]} of weights {@code [rows, 64]} with a head's values, in place.
   *
   * @param weights of tokens from {@code tokens} on are zero; these values are not read. The others
   *     move to the front of their rows, with {@code tokens} columns a row.
   */
  void outputsInPlace(
      long outputs, int rows, float[] weights, PlainPages layer, int page, int kvHead, int tokens) {
    if (tokens < TOKENS) {
      keepColumns(weights, rows, tokens);
    }
    long from = layer.page(page).address() + layout.valuesOffset(kvHead);
    int[] order = firstTokens[tokens];
    Bf16OuterTile.multiply(outputs, rows, weights, tokens, order, from, layout.headDim());
  }

  private void keepColumns(float[] weights, int rows, int tokens) {
    int to = 0;
    for (int row = 0; row < rows; row++) {
      for (int column : firstColumns[tokens]) {
        weights[to++] = weights[row * TOKENS + column];
      }
    }
  }

  /** Unpacks a head's keys: {@code [headDim, 64]}. */
  void keys(long unpacked, PlainPages layer, int page, int kvHead) {
    long from = layer.page(page).address() + layout.keysOffset(kvHead);
    long rowBytes = (long) TOKENS * layout.dtype().byteSize();
    for (int channel = 0; channel < layout.headDim(); channel++) {
      rows.unpack(unpacked + 4L * channel * TOKENS, from + channel * rowBytes, TOKENS);
    }
  }

  /** Unpacks a head's values: {@code [64, paddedHeadDim]}, zeros from token {@code tokens} on. */
  void values(long unpacked, PlainPages layer, int page, int kvHead, int tokens) {
    long from = layer.page(page).address() + layout.valuesOffset(kvHead);
    long rowBytes = (long) layout.headDim() * layout.dtype().byteSize();
    long stride = (long) valueVectors * Simd.BYTES;
    for (int column = 0; column < TOKENS; column++) {
      int token = tokenAt[column];
      long to = unpacked + column * stride;
      if (token < tokens) {
        rows.unpack(to, from + token * rowBytes, layout.headDim());
      } else {
        Simd.zero(to, stride);
      }
    }
  }
}
