package io.vquant.engine.hub;

import java.nio.file.Path;

/**
 * A model that is complete on this machine.
 *
 * @param folder where
 * @param commit which version
 * @param files how many
 * @param byteSize of all of them
 * @param fetchedBytes of these, what came over the network now: 0 when it was there before
 */
public record PulledModel(
    Path folder, String commit, int files, long byteSize, long fetchedBytes) {}
