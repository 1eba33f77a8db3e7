using System.Collections.Concurrent;
using Microsoft.Extensions.AI;
using Microsoft.ML.OnnxRuntime;
using Rag.Foundation;

namespace Rag.Inference;

/// <summary>
/// A sentence-embedding model on ONNX Runtime's CPU provider. The graph takes <c>input_ids</c>, <c>attention_mask</c>
/// and <c>token_type_ids</c> (int64 [1, tokens]) and gives <c>sentence_embedding</c> (float32 [1, dimensions], unit
/// length). Thread-safe.
/// </summary>
/// <remarks>
/// Every text is a run of its own on one thread, and texts run side by side. Batches gain nothing on a core, pad, and
/// change results: the int8 graph scales activations by the batch's extremes, so that a text's vector would depend on
/// its neighbours. Alone, the same text always has the same vector, bit for bit.
/// </remarks>
internal sealed class OnnxEmbeddingGenerator : IEmbeddingGenerator<string, Embedding<float>>
{
    /// <summary>Positions that the model was trained for, [CLS] and [SEP] among them; the rest of a text is left out.</summary>
    public const int MaxSequence = 256;

    private const string OutputName = "sentence_embedding";
    private static readonly string[] InputNames = ["input_ids", "attention_mask", "token_type_ids"];
    private static readonly string[] OutputNames = [OutputName];

    private readonly InferenceSession _session;
    private readonly WordPieceTokenizer _tokenizer;
    private readonly int _threads;

    // Questions have their own slots, so that they never wait behind an ingest for one.
    private readonly SemaphoreSlim _bulkSlots, _querySlots;
    private readonly ConcurrentBag<Buffers> _buffers = [];

    public int Dimensions { get; }

    /// <exception cref="RagException">The file is absent, broken, or not such a graph.</exception>
    public OnnxEmbeddingGenerator(string modelFile, WordPieceTokenizer tokenizer, int threads)
    {
        const string remedy = "Restore the model folder from the release, or set Inference:Provider to openai or none.";
        _session = Open(modelFile, remedy);
        var outputs = _session.OutputMetadata;
        int dimensions = outputs.TryGetValue(OutputName, out var output) && output.Dimensions.Length == 2 ? output.Dimensions[1] : 0;
        if (dimensions < 1 || InputNames.Any(name => !_session.InputMetadata.ContainsKey(name)))
        {
            _session.Dispose();
            throw new RagException(ErrorKind.Unavailable,
                $"The model {modelFile} has other inputs or outputs than {string.Join(", ", InputNames)} and {OutputName} [batch, dimensions].", remedy);
        }
        Dimensions = dimensions;
        _tokenizer = tokenizer;
        _threads = threads;
        _bulkSlots = new(threads, threads);
        _querySlots = new(threads, threads);
    }

    private static InferenceSession Open(string modelFile, string remedy)
    {
        OnnxTelemetry.TurnOff();
        try
        {
            using var options = new SessionOptions
            {
                IntraOpNumThreads = 1,
                InterOpNumThreads = 1,
                LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
                // Lengths vary from text to text; a remembered layout for each would only hold memory.
                EnableMemoryPattern = false,
            };
            return new InferenceSession(modelFile, options);
        }
        catch (Exception e) when (e is OnnxRuntimeException or IOException or DllNotFoundException or TypeInitializationException)
        {
            throw new RagException(ErrorKind.Unavailable, $"The model {modelFile} cannot be loaded: {e.Message}", remedy, e);
        }
    }

    /// <summary>Unit vectors in the order of the texts. A single text counts as a question and has precedence.</summary>
    /// <exception cref="OperationCanceledException">At the latest after the texts under way (some 70 ms each).</exception>
    public async Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(
        IEnumerable<string> values, EmbeddingGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        IReadOnlyList<string> texts = values as IReadOnlyList<string> ?? [.. values];
        var vectors = new float[texts.Count][];
        if (texts.Count == 1)
        {
            await EmbedOneAsync(texts, vectors, 0, _querySlots, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            // Longest first: the last texts to finish are then short, and no thread idles for long.
            var order = new int[texts.Count];
            var lengths = new int[texts.Count];
            for (int i = 0; i < order.Length; i++) (order[i], lengths[i]) = (i, -texts[i].Length);
            Array.Sort(lengths, order);
            var parallel = new ParallelOptions { MaxDegreeOfParallelism = _threads, CancellationToken = cancellationToken };
            await Parallel.ForAsync(0, order.Length, parallel,
                (i, cancel) => EmbedOneAsync(texts, vectors, order[i], _bulkSlots, cancel)).ConfigureAwait(false);
        }
        return [.. vectors.Select(vector => new Embedding<float>(vector))];
    }

    private async ValueTask EmbedOneAsync(
        IReadOnlyList<string> texts, float[][] vectors, int index, SemaphoreSlim slots, CancellationToken cancel)
    {
        await slots.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            vectors[index] = Run(texts[index]);
        }
        finally
        {
            slots.Release();
        }
    }

    private float[] Run(string text)
    {
        if (!_buffers.TryTake(out var buffers)) buffers = new Buffers();
        var vector = new float[Dimensions];
        long length = _tokenizer.Encode(text, buffers.Ids);
        long[] shape = [1, length];
        using var ids = Tensor(buffers.Ids, (int)length, shape);
        using var mask = Tensor(Buffers.Ones, (int)length, shape);
        using var types = Tensor(Buffers.Zeros, (int)length, shape);
        using var output = OrtValue.CreateTensorValueFromMemory(vector, [1, Dimensions]);
        _session.Run(buffers.Options, InputNames, [ids, mask, types], OutputNames, [output]);
        _buffers.Add(buffers);
        return vector;
    }

    private static OrtValue Tensor(long[] values, int length, long[] shape) =>
        OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, values.AsMemory(0, length), shape);

    public object? GetService(Type serviceType, object? serviceKey = null) =>
        serviceKey is null && serviceType.IsInstanceOfType(this) ? this : null;

    public void Dispose()
    {
        _session.Dispose();
        while (_buffers.TryTake(out var buffers)) buffers.Options.Dispose();
        _bulkSlots.Dispose();
        _querySlots.Dispose();
    }

    /// <summary>What a run needs, kept from run to run; there are never more than runs at once.</summary>
    private sealed class Buffers
    {
        public static readonly long[] Ones = [.. Enumerable.Repeat(1L, MaxSequence)];
        public static readonly long[] Zeros = new long[MaxSequence];

        public readonly long[] Ids = new long[MaxSequence];
        public readonly RunOptions Options = new();
    }
}
