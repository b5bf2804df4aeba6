package io.vquant.kernels.quant;

/**
 * Where the codes of a matrix {@code [rows, columns]} lie. Rows are taken in <b>panels</b> of 64,
 * the last padded with zeros, and lie side by side, so that a vector of codes belongs to as many
 * rows and no sum crosses lanes.
 *
 * <p>8 bits: signed bytes {@code [panels][columns][64]}.
 *
 * <p>4 bits: a panel's columns are taken in <b>strips</b> of 32, a strip is 4 little-endian 32-bit
 * words for each row: {@code [panels][columns / 32][4][64]}. Code n of word j (bits {@code 4 n} to
 * {@code 4 n + 3}) is that of column {@code 4 n + j} of the strip: the columns come in order when
 * all words are masked for one n, then for the next.
 *
 * <p>Scales (FP16) are {@code [panels][columns / group][64]}, zeros likewise.
 *
 * @param rows of the matrix
 * @param columns of the matrix, a multiple of the group
 */
public record PanelLayout(QuantScheme scheme, int rows, int columns) {

  /** Rows of a panel. */
  public static final int PANEL_ROWS = 64;

  /** Columns of a strip. */
  public static final int STRIP = 32;

  /** Words of a row in a strip of 4-bit codes. */
  public static final int STRIP_WORDS = 4;

  public PanelLayout {
    if (rows < 1 || columns < 1) {
      throw new IllegalArgumentException("matrix [" + rows + ", " + columns + "]");
    }
    scheme.requireFits("matrix [" + rows + ", " + columns + "]", columns);
  }

  public int panels() {
    return Math.ceilDiv(rows, PANEL_ROWS);
  }

  /** Strips of a panel. */
  public int strips() {
    return columns / STRIP;
  }

  /** Groups of a row. */
  public int groups() {
    return columns / scheme.group();
  }

  /** Bytes of the codes of one panel. */
  public long panelCodeBytes() {
    return (long) columns * PANEL_ROWS * scheme.bits().bits() / Byte.SIZE;
  }

  /** Bytes of the scales, or of the zeros, of one panel. */
  public long panelScaleBytes() {
    return (long) groups() * PANEL_ROWS * Short.BYTES;
  }

  public long codeBytes() {
    return panels() * panelCodeBytes();
  }

  public long scaleBytes() {
    return panels() * panelScaleBytes();
  }

  /** Bytes of the zeros; none where codes are symmetric. */
  public long zeroBytes() {
    return scheme.isAsymmetric() ? scaleBytes() : 0;
  }

  /** Codes, scales and zeros together. */
  public long byteSize() {
    return codeBytes() + scaleBytes() + zeroBytes();
  }

  /** Byte offset of the code of an element with 8 bits, of the word that holds it with 4. */
  public long codeOffset(int row, int column) {
    long panel = row / PANEL_ROWS;
    int lane = row % PANEL_ROWS;
    if (scheme.bits() == CodeBits.EIGHT) {
      return (panel * columns + column) * PANEL_ROWS + lane;
    }
    long word = (panel * strips() + column / STRIP) * STRIP_WORDS + column % STRIP_WORDS;
    return (word * PANEL_ROWS + lane) * Integer.BYTES;
  }

  /** How far a 4-bit code is shifted up in its word. */
  public int shift(int column) {
    return column % STRIP / STRIP_WORDS * scheme.bits().bits();
  }

  /** Byte offset of the scale, and of the zero, of an element. */
  public long scaleOffset(int row, int column) {
    long group = (long) (row / PANEL_ROWS) * groups() + column / scheme.group();
    return (group * PANEL_ROWS + row % PANEL_ROWS) * Short.BYTES;
  }
}
