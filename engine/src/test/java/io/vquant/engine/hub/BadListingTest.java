package io.vquant.engine.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a hub lists may be hostile, or no model. */
class BadListingTest extends HubFixture {

  @ParameterizedTest
  @ValueSource(strings = {"../x", "a/../../x", "/etc/passwd", "..\\x", "a\u0000b", ""})
  void namesThatLeadOutAreRefused(String name) {
    hub.list(name, 3);
    assertThatThrownBy(pulls::run)
        .isInstanceOf(HubException.class)
        .hasMessageContaining("leads out of the model's folder");
    pulls.requireNothing();
  }

  @ParameterizedTest
  @ValueSource(strings = {"../x.safetensors", "sub/x.safetensors", "not-listed.safetensors", ".."})
  void anIndexNamesOnlyShardsThatAreThere(String shard) {
    hub.small("model.safetensors.index.json", "{\"weight_map\":{\"a\":\"" + shard + "\"}}");
    assertThatThrownBy(pulls::run)
        .isInstanceOfSatisfying(
            HubException.class,
            e -> assertThat(e.reason()).isEqualTo(HubException.Reason.UNUSABLE_MODEL))
        .hasMessageContaining("names a shard '" + shard + "'");
    pulls.requireNothing();
  }

  @Test
  void whatIsNoModelIsSaidToBeNone() {
    hub.remove("model.safetensors.index.json");
    assertThatThrownBy(pulls::run)
        .hasMessage(
            "org/tiny: has no model.safetensors, only weights in formats that this engine does not"
                + " read");
    hub.remove("config.json");
    assertThatThrownBy(pulls::run).hasMessage("org/tiny: has no config.json");
    hub.fault(
        "/revision/main",
        exchange -> {
          TestHub.send(exchange, 200, "<html>".getBytes(java.nio.charset.StandardCharsets.UTF_8));
          return true;
        });
    assertThatThrownBy(pulls::run).hasMessageContaining("is not JSON");
    pulls.requireNothing();
  }

  @Test
  void moreThanTheDiskHasIsRefusedBeforeItIsFetched() {
    hub.list(TestHub.SHARD_1, Long.MAX_VALUE / 4);
    assertThatThrownBy(pulls::run).hasMessageContaining("bytes left, expected ");
    assertThat(hub.paths()).noneMatch(path -> path.endsWith("safetensors"));
  }
}
