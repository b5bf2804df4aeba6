package io.vquant.kernels.quant;

/**
 * Where the codes of a matrix {@code [rows, columns]} lie. Rows are taken in <b>panels</b> of 64,
 * the last padded with zeros; a panel's columns in <b>strips</b> of 32. A strip of b-bit codes is b
 * little-endian 32-bit words for each row, word by word, in each word the rows side by side: {@code
 * [panels][columns / 32][b][64]}. Code n of word j (bits {@code b n} to {@code b n + b - 1}) is
 * that of column {@code n b + j} of the strip.
 *
 * <p>So a vector of words belongs to as many rows, no sum crosses lanes, and the columns of a strip
 * come in order when all words are masked for one n, then for the next.
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

  /** Words of a row in a strip, which are as many as a code has bits. */
  public int stripWords() {
    return scheme.bits().bits();
  }

  /** Bytes of the codes of one panel. */
  public long panelCodeBytes() {
    return (long) strips() * stripWords() * PANEL_ROWS * Integer.BYTES;
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

  /** Byte offset of the word with the code of an element. */
  public long wordOffset(int row, int column) {
    long strip = (long) (row / PANEL_ROWS) * strips() + column / STRIP;
    long word = strip * stripWords() + column % STRIP % stripWords();
    return (word * PANEL_ROWS + row % PANEL_ROWS) * Integer.BYTES;
  }

  /** How far the code of an element is shifted up in its word. */
  public int shift(int column) {
    return column % STRIP / stripWords() * scheme.bits().bits();
  }

  /** Byte offset of the scale, and of the zero, of an element. */
  public long scaleOffset(int row, int column) {
    long group = (long) (row / PANEL_ROWS) * groups() + column / scheme.group();
    return (group * PANEL_ROWS + row % PANEL_ROWS) * Short.BYTES;
  }
}
