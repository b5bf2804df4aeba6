package io.vquant.engine.hub;

import java.util.function.LongConsumer;

/**
 * What the downloads of one pull share.
 *
 * @param sinks where bytes go
 * @param present told of bytes that are on the disk: those found, those fetched, and negative
 *     numbers where some are thrown away
 * @param fetched told of bytes that came over the network
 */
record PullContext(
    HubConnection hub,
    Patience patience,
    StallGuard stalls,
    PartSink.Opener sinks,
    LongConsumer present,
    LongConsumer fetched) {}
