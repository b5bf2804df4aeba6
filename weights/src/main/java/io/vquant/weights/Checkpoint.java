package io.vquant.weights;

import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;

/**
 * The weights of one model folder, mapped into memory (or made there: {@link #inMemory}). Opening
 * reads and checks the headers only; the values come from disk when they are first touched.
 *
 * <p>Closing unmaps the files: every {@link StoredTensor} that came from here then throws {@link
 * IllegalStateException} on access. The files must not be truncated while they are mapped, as the
 * operating system answers a read behind the new end with a fault, not with an exception.
 */
public final class Checkpoint implements AutoCloseable {
  private final Path modelDir;
  private final Arena arena;
  private final WeightStore weights;

  private Checkpoint(Path modelDir, Arena arena, WeightStore weights) {
    this.modelDir = modelDir;
    this.arena = arena;
    this.weights = weights;
  }

  /** As {@link #open(Path, ReadProgress)}, without progress. */
  public static Checkpoint open(Path modelDir) {
    return open(modelDir, ReadProgress.NONE);
  }

  /**
   * Maps {@code model.safetensors}, or where that is absent the shards that {@code
   * model.safetensors.index.json} lists. Other weight files in the folder, such as {@code
   * consolidated.safetensors}, are not looked at.
   *
   * @param modelDir a model folder as the Hugging Face hub lays it out
   * @param progress told after each file how many bytes are mapped
   * @throws MalformedCheckpointException if the folder has no such files or one of them is damaged;
   *     nothing stays mapped then
   */
  public static Checkpoint open(Path modelDir, ReadProgress progress) {
    Arena arena = Arena.ofShared();
    try {
      List<StoredTensor> tensors = new ModelFolder(modelDir).mapTensors(arena, progress);
      return new Checkpoint(modelDir, arena, new WeightStore(modelDir, tensors));
    } catch (Throwable failure) {
      arena.close();
      throw failure;
    }
  }

  /**
   * Tensors that lie in memory, not in files.
   *
   * @param name what messages call the folder
   * @param arena holds the tensors' data; closed with the checkpoint
   */
  public static Checkpoint inMemory(Path name, Arena arena, List<StoredTensor> tensors) {
    return new Checkpoint(name, arena, new WeightStore(name, tensors));
  }

  public Path modelDir() {
    return modelDir;
  }

  public WeightStore weights() {
    return weights;
  }

  /**
   * Unmaps the files; closing again has no effect.
   *
   * @throws IllegalStateException if another thread is reading a tensor at this moment
   */
  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
