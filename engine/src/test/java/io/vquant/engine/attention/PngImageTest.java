package io.vquant.engine.attention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;

class PngImageTest {

  @Test
  void anotherReaderSeesThePixels() throws IOException {
    PngImage image = new PngImage(7, 5);
    image.fill(2, 1, 3, 4, 0x12fe80);
    image.fill(6, 4, 1, 1, 0xffffff);
    BufferedImage read = ImageIO.read(new ByteArrayInputStream(image.encode()));
    assertThat(read.getWidth()).isEqualTo(7);
    assertThat(read.getHeight()).isEqualTo(5);
    for (int y = 0; y < 5; y++) {
      for (int x = 0; x < 7; x++) {
        boolean inside = x >= 2 && x < 5 && y >= 1;
        int expected = x == 6 && y == 4 ? 0xffffff : inside ? 0x12fe80 : 0;
        assertThat(read.getRGB(x, y) & 0xffffff).as("(%d, %d)", x, y).isEqualTo(expected);
      }
    }
  }

  @Test
  void refusesWhatIsNoImage() {
    assertThatThrownBy(() -> new PngImage(0, 5)).hasMessageContaining("image of 0 x 5");
    assertThatThrownBy(() -> new PngImage(1 << 20, 1 << 20)).hasMessageContaining("1048576");
  }
}
