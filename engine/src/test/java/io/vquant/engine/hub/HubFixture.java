package io.vquant.engine.hub;

import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** What each test of pulls has: a hub with a model, a folder, and pulls of the one to the other. */
class HubFixture {
  final TestHub hub = TestHub.withModel();
  @TempDir Path temp;
  PullTrial pulls;

  @BeforeEach
  void prepare() {
    pulls = new PullTrial(hub, temp);
  }

  @AfterEach
  void close() {
    hub.close();
  }
}
