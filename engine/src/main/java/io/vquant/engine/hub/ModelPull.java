package io.vquant.engine.hub;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionService;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Fetches one model: the files that the engine reads, four at once, of one commit.
 *
 * <p>{@link #run} once; {@link #cancel} from any thread.
 */
public final class ModelPull {
  private static final int SIDE_BY_SIDE = 4;
  private static final long FIRST_WAIT_MILLIS = 1000;
  private static final Duration STALL = Duration.ofSeconds(60);

  private final Hub hub;
  private final ModelName name;
  private final Path target;
  private final PullListener listener;
  private final PartSink.Opener sinks;
  private final Duration stall;
  private final Patience patience;
  private final AtomicLong doneBytes = new AtomicLong();
  private final AtomicLong fetchedBytes = new AtomicLong();
  private volatile @Nullable HubConnection connection;
  private volatile long totalBytes;

  /**
   * Prepares a pull.
   *
   * @param target the folder that the model will be; its parent is made when it is not there
   */
  public ModelPull(Hub hub, ModelName name, Path target, PullListener listener) {
    this(hub, name, target, listener, PartSink::ofFile, FIRST_WAIT_MILLIS, STALL);
  }

  ModelPull(
      Hub hub,
      ModelName name,
      Path target,
      PullListener listener,
      PartSink.Opener sinks,
      long firstWaitMillis,
      Duration stall) {
    this.hub = hub;
    this.name = name;
    this.target = target.toAbsolutePath();
    this.listener = oneAtATime(listener);
    this.sinks = sinks;
    this.stall = stall;
    patience = new Patience(firstWaitMillis, this.listener);
  }

  private static PullListener oneAtATime(PullListener listener) {
    return new PullListener() {
      @Override
      public synchronized void onBytes(long done, long total) {
        listener.onBytes(done, total);
      }

      @Override
      public synchronized void onNotice(String line) {
        listener.onNotice(line);
      }
    };
  }

  /**
   * Fetches what is missing.
   *
   * @return the model, complete
   * @throws HubException if it cannot be had; what has come stays and is used by the next pull
   * @throws PullCancelledException after {@link #cancel}
   */
  public PulledModel run() {
    try (HubConnection opened = new HubConnection(hub);
        StallGuard stalls = new StallGuard(stall);
        StagedModel staged = StagedModel.lock(name, target)) {
      connection = opened;
      HubModel model =
          patience.attempt(name.toString(), () -> 0, () -> HubModel.read(opened, name));
      PulledModel present = staged.present(model);
      if (present != null) {
        return present;
      }
      NeededFiles needed = new NeededFiles(model);
      staged.begin(model);
      PullContext context =
          new PullContext(opened, patience, stalls, sinks, this::advanced, fetchedBytes::addAndGet);
      List<HubFile> files = new ArrayList<>(needed.beforeWeights());
      totalBytes = 0;
      if (needed.hasShards()) {
        new FileDownload(context, model, files.getFirst(), staged.folder()).run();
        files.removeFirst();
      }
      List<HubFile> weights = needed.weights(staged.folder().resolve(NeededFiles.INDEX));
      List<HubFile> rest = new ArrayList<>(weights);
      rest.addAll(files);
      List<HubFile> all = new ArrayList<>(rest);
      if (needed.hasShards()) {
        all.add(model.files().get(NeededFiles.INDEX));
      }
      long listed = all.stream().mapToLong(file -> Math.max(0, file.byteSize())).sum();
      staged.requireSpace(listed - staged.presentBytes(all));
      totalBytes = listed;
      download(context, model, rest, staged.folder());
      noticeWithoutSum(all);
      return staged.publish(model, all, fetchedBytes.get());
    } catch (IOException e) {
      throw new HubException(target + ": cannot be written: " + e, e);
    }
  }

  private void noticeWithoutSum(List<HubFile> files) {
    long without = files.stream().filter(file -> !file.hasSum()).count();
    if (without > 0) {
      listener.onNotice(without + " files could not be checked: the hub lists no sums for them");
    }
  }

  private void advanced(long bytes) {
    long done = doneBytes.addAndGet(bytes);
    if (totalBytes > 0) {
      listener.onBytes(done, totalBytes);
    }
  }

  private void download(PullContext context, HubModel model, List<HubFile> files, Path folder) {
    ExecutorService threads =
        Executors.newFixedThreadPool(
            SIDE_BY_SIDE, task -> Thread.ofPlatform().daemon().name("pull").unstarted(task));
    CompletionService<@Nullable Void> downloads = new ExecutorCompletionService<>(threads);
    try {
      for (HubFile file : files) {
        downloads.submit(() -> {
          new FileDownload(context, model, file, folder).run();
          return null;
        });
      }
      for (int i = 0; i < files.size(); i++) {
        downloads.take().get();
      }
    } catch (ExecutionException e) {
      cancel(); // the others: the first failure is the one to tell
      if (e.getCause() instanceof RuntimeException failure) {
        throw failure;
      }
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PullCancelledException();
    } finally {
      threads.close();
    }
  }

  /** Ends the pull soon; {@link #run} throws then. */
  public void cancel() {
    patience.cancel();
    HubConnection open = connection;
    if (open != null) {
      open.close();
    }
  }
}
