package io.vquant.engine.attention;

import io.vquant.eval.plots.Raster;
import io.vquant.kernels.reference.Float64Attention;
import io.vquant.model.AttentionInputs;

/**
 * The attention weights of one query head, queries down and keys across, brought to a square of
 * cells: a cell holds the largest weight of the queries and keys in it, so that a line one token
 * wide does not fade.
 */
public final class AttentionMap {

  /** Weights from here down are drawn as nothing. */
  public static final double FAINTEST = 1e-4;

  private static final int MOST_PIXELS = 1024;
  private static final int STRIP = 8;
  private static final int GAP = 2;
  private static final int SINK_COLOUR = 0xff5050;
  private static final int LINE_COLOUR = 0xffa000;
  private static final int WINDOW_COLOUR = 0x40a0ff;
  private static final int QUANTIZED_COLOUR = 0x303030;
  private static final int BACKGROUND = 0x101018;

  private final int tokens;
  private final int cells;
  private final double[] largest;

  private AttentionMap(int tokens, int cells) {
    this.tokens = tokens;
    this.cells = cells;
    largest = new double[cells * cells];
  }

  /**
   * Computes the map of a query head.
   *
   * @param mostCells cells a side, if there are so many tokens
   */
  public static AttentionMap of(AttentionInputs layer, int queryHead, int mostCells) {
    int group = layer.spec().groupSize();
    int tokens = layer.queries().rows();
    AttentionMap map = new AttentionMap(tokens, Math.min(tokens, mostCells));
    Float64Attention attention =
        new Float64Attention(
            layer.spec(), queryHead / group, layer.queries(), layer.keys(), layer.values());
    double[] weights = new double[tokens];
    for (int row = 0; row < tokens; row++) {
      attention.weights(weights, queryHead % group, row);
      int first = map.cellOf(row) * map.cells;
      for (int j = layer.spec().firstVisible(row); j <= row; j++) {
        int at = first + map.cellOf(j);
        map.largest[at] = Math.max(map.largest[at], weights[j]);
      }
    }
    return map;
  }

  /** The cell that a token falls into. */
  public int cellOf(int token) {
    return (int) ((long) token * cells / tokens);
  }

  /** Cells a side. */
  public int cells() {
    return cells;
  }

  /** The largest weight in a cell. */
  public double weight(int queryCell, int keyCell) {
    return largest[queryCell * cells + keyCell];
  }

  /**
   * How bright a weight is drawn: 0 at {@link #FAINTEST} and below, 1 at 1, by its logarithm
   * between.
   */
  public static double brightness(double weight) {
    return weight <= FAINTEST ? 0 : 1 - Math.log(weight) / Math.log(FAINTEST);
  }

  /**
   * The map as a picture: above it a strip that tells what is kept of each key (red sinks, orange
   * lines, blue window, grey the rest).
   */
  public Raster draw(KeptTokens kept) {
    int side = Math.max(1, Math.min(8, MOST_PIXELS / cells));
    Raster image = new Raster(cells * side, STRIP + GAP + cells * side);
    KeptTokens.Kind[] kinds = kinds(kept);
    for (int key = 0; key < cells; key++) {
      image.fill(key * side, 0, side, STRIP, colour(kinds[key]));
      for (int query = 0; query < cells; query++) {
        int rgb = query < key ? BACKGROUND : heat(brightness(weight(query, key)));
        image.fill(key * side, STRIP + GAP + query * side, side, side, rgb);
      }
    }
    return image;
  }

  /** What is kept in each cell of keys; a line counts before the tokens beside it. */
  public KeptTokens.Kind[] kinds(KeptTokens kept) {
    KeptTokens.Kind[] kinds = new KeptTokens.Kind[cells];
    for (int token = 0; token < tokens; token++) {
      int cell = cellOf(token);
      KeptTokens.Kind kind = kept.kind(token);
      if (kinds[cell] == null || kind.compareTo(kinds[cell]) < 0) {
        kinds[cell] = kind;
      }
    }
    return kinds;
  }

  private static int colour(KeptTokens.Kind kind) {
    return switch (kind) {
      case SINK -> SINK_COLOUR;
      case LINE -> LINE_COLOUR;
      case WINDOW -> WINDOW_COLOUR;
      case QUANTIZED -> QUANTIZED_COLOUR;
    };
  }

  /** Black over red and yellow to white. */
  private static int heat(double brightness) {
    int red = channel(3 * brightness);
    int green = channel(3 * brightness - 1);
    int blue = channel(3 * brightness - 2);
    return (red << 16) | (green << 8) | blue;
  }

  private static int channel(double part) {
    return (int) Math.round(255 * Math.max(0, Math.min(1, part)));
  }
}
