using System.Data.Common;
using Dapper;
using Rag.Evaluation;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Inference;
using Rag.Ingestion;
using Rag.Ingestion.Parsing;
using Rag.Storage;

namespace Rag.Bench;

/// <summary>
/// A store with generated documents of <see cref="ChunksPerDocument"/> chunks and random vectors: written by the
/// product's own writer, indexed by its own indexer; only the vectors are put where the model would put them, which
/// would take hours.
/// </summary>
internal static class GeneratedStore
{
    public const int ChunksPerDocument = 20;
    private const int SentencesPerChunk = 5;
    private const int InFlight = 64;

    public static async Task<ScratchStore> CreateAsync(int chunks, CancellationToken ct, Microsoft.Extensions.Configuration.IConfiguration? settings = null)
    {
        var store = await ScratchStore.CreateAsync(settings ?? Settings.Default, ct);
        try
        {
            await WriteAsync(store, chunks, ct);
            await EmbedAsync(store, ct);
            await store.StartAsync(ct);
            await store.Get<IIndexer>().Ready.WaitAsync(ct);
            return store;
        }
        catch
        {
            await store.DisposeAsync();
            throw;
        }
    }

    private static async Task WriteAsync(ScratchStore store, int chunks, CancellationToken ct)
    {
        var collection = await store.Get<Collections>().EnsureAsync(Collections.Default, language: null, ct);
        var ingestor = store.Get<Ingestor>();
        var text = new GeneratedText(7);
        var pending = new Queue<Task>();
        for (int d = 0; d * ChunksPerDocument < chunks; d++)
        {
            var builder = new ParsedTextBuilder(int.MaxValue);
            // A chunk never goes across a heading, so that each section is one.
            for (int c = 0; c < ChunksPerDocument; c++)
            {
                builder.Heading(2, $"{text.Word()} {text.Word()}");
                builder.Paragraph(text.Paragraph(SentencesPerChunk));
            }
            var parsed = builder.Build($"{text.Word()} {text.Word()} {d}", "text/plain");
            pending.Enqueue(ingestor.RecordAsync(collection, new($"generated/{d}.txt", ReadOnlyMemory<byte>.Empty), Sha256.Hex(parsed.Text), parsed, ct));
            if (pending.Count >= InFlight) await pending.Dequeue();
        }
        await Task.WhenAll(pending);
    }

    private static async Task EmbedAsync(ScratchStore store, CancellationToken ct)
    {
        var embedder = store.Get<Embedder>();
        string model = embedder.ModelId ?? throw new RagException(ErrorKind.Unavailable, embedder.UnavailableReason!, "Restore the model folder.");
        var text = new GeneratedText(8);
        byte[] row = new byte[QuantizedVector.RowBytes(embedder.Dimensions)];
        await store.Get<Database>().WriteAsync(async tx =>
        {
            var keys = (await tx.Connection!.QueryAsync<(long VersionNo, long Ordinal)>("SELECT version_no, ordinal FROM chunks WHERE vector IS NULL", transaction: tx)).AsList();
            await using DbCommand update = tx.Connection!.CreateCommand();
            update.Transaction = tx;
            update.CommandText = "UPDATE chunks SET model = @model, vector = @vector WHERE version_no = @version AND ordinal = @ordinal";
            Add("@model", model);
            var (vector, version, ordinal) = (Add("@vector", row), Add("@version", 0L), Add("@ordinal", 0L));
            foreach (var (v, o) in keys)
            {
                QuantizedVector.Write(text.UnitVector(embedder.Dimensions), row);
                (vector.Value, version.Value, ordinal.Value) = (row, v, o);
                await update.ExecuteNonQueryAsync(ct);
            }

            DbParameter Add(string name, object value)
            {
                var parameter = update.CreateParameter();
                (parameter.ParameterName, parameter.Value) = (name, value);
                update.Parameters.Add(parameter);
                return parameter;
            }
        }, ct);
    }
}
