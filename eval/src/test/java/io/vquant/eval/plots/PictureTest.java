package io.vquant.eval.plots;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.InflaterInputStream;
import org.junit.jupiter.api.Test;

class PictureTest {

  /** Reads the file back by the standard: chunks with their checksums, rows without a filter. */
  @Test
  void aPngHoldsThePixelsOfTheRaster() throws IOException {
    Raster raster = new Raster(7, 3);
    raster.set(0, 0, 0x123456);
    raster.fill(4, 1, 99, 99, 0xff00aa);
    ByteBuffer file = ByteBuffer.wrap(PngImage.of(raster));
    assertThat(file.getLong()).isEqualTo(0x89504e470d0a1a0aL);
    ByteBuffer header = chunk(file, "IHDR");
    assertThat(header.getInt()).isEqualTo(7);
    assertThat(header.getInt()).isEqualTo(3);
    assertThat(header.getInt() >>> 8).isEqualTo(0x080200);
    byte[] deflated = new byte[file.getInt(file.position())];
    chunk(file, "IDAT").get(deflated);
    byte[] rows = new InflaterInputStream(new ByteArrayInputStream(deflated)).readAllBytes();
    assertThat(rows).hasSize(3 * (1 + 3 * 7));
    assertThat(rows[0]).isZero();
    assertThat(rows).startsWith(0, 0x12, 0x34, 0x56, 0xff, 0xff, 0xff);
    int lastPixel = rows.length - 3;
    assertThat(rows[lastPixel] & 0xff).isEqualTo(0xff);
    assertThat(rows[lastPixel + 2] & 0xff).isEqualTo(0xaa);
    chunk(file, "IEND");
    assertThat(file.remaining()).isZero();
  }

  private static ByteBuffer chunk(ByteBuffer file, String type) {
    int length = file.getInt();
    byte[] typeAndContent = new byte[4 + length];
    file.get(typeAndContent);
    assertThat(new String(typeAndContent, 0, 4, java.nio.charset.StandardCharsets.US_ASCII))
        .isEqualTo(type);
    CRC32 crc = new CRC32();
    crc.update(typeAndContent);
    assertThat(file.getInt()).isEqualTo((int) crc.getValue());
    return ByteBuffer.wrap(typeAndContent, 4, length).slice();
  }

  @Test
  void lettersDiffer() {
    for (char a = '!'; a <= '~'; a++) {
      for (char b = '!'; b < a; b++) {
        assertThat(shape(a)).as("%s and %s", a, b).isNotEqualTo(shape(b));
      }
    }
    assertThat(shape(' ')).doesNotContain("#");
    assertThat(shape('\u4e00')).startsWith("#####");
  }

  private static String shape(char letter) {
    StringBuilder shape = new StringBuilder();
    for (int i = 0; i < PixelFont.WIDTH * PixelFont.HEIGHT; i++) {
      boolean ink = PixelFont.isInk(letter, i % PixelFont.WIDTH, i / PixelFont.WIDTH);
      shape.append(ink ? '#' : '.');
    }
    return shape.toString();
  }

  @Test
  void linesReachBothEndsAndWhatIsOutsideIsLeftOut() {
    Raster raster = new Raster(5, 5);
    raster.line(0, 0, 4, 2, Palette.RED);
    assertThat(raster.pixel(0, 0)).isEqualTo(Palette.RED);
    assertThat(raster.pixel(4, 2)).isEqualTo(Palette.RED);
    raster.line(-3, -3, 9, 9, Palette.BLUE);
    raster.disc(4, 4, 3, Palette.BLUE);
    raster.text(-3, 3, "outside", Palette.BLUE);
    assertThat(raster.pixel(3, 3)).isEqualTo(Palette.BLUE);
    assertThatThrownBy(() -> new Raster(1 << 20, 1 << 20)).hasMessageContaining("2^26 pixels");
  }

  @Test
  void theFrontIsWhatNoOtherPointBeats() {
    ScatterPlot.Point a = new ScatterPlot.Point("a", 4, 1e-3);
    ScatterPlot.Point b = new ScatterPlot.Point("b", 6, 1e-5);
    ScatterPlot.Point beaten = new ScatterPlot.Point("c", 6.5, 1e-4);
    ScatterPlot.Point equalX = new ScatterPlot.Point("d", 4, 1e-2);
    ScatterPlot plot = new ScatterPlot("t", "x", "y", true, List.of(b, equalX, a, beaten));
    assertThat(plot.front()).containsExactly(a, b);
    assertThat(plot.draw().width()).isEqualTo(820);
    ScatterPlot one = new ScatterPlot("t", "x", "y", false, List.of(a));
    assertThat(one.front()).containsExactly(a);
    one.draw();
  }

  @Test
  void aHeatMapIsGreenWhereAllIsFoundAndGreyWhereNothingIsKnown() {
    HeatMap map =
        new HeatMap(
            "t", "c", List.of("1", "2"), "r", List.of("a"), List.of(List.of(1.0, Double.NaN)));
    Raster raster = map.draw();
    assertThat(raster.pixel(71, 49)).isEqualTo(Palette.score(1));
    assertThat(raster.pixel(71 + 44, 49)).isEqualTo(Palette.GREY);
    assertThat(Palette.score(0)).isNotEqualTo(Palette.score(1));
  }
}
