using Rag.Caching;
using Rag.Inference;
using Rag.Inference.Generation;
using Rag.Storage;

namespace Rag.Telemetry;

/// <summary>Something that this replica uses, as this replica sees it.</summary>
/// <param name="Means">What its absence means, or what it is.</param>
public sealed record DependencyStatus(string Name, bool Up, string Means);

/// <summary>What this replica depends on, and whether it answers.</summary>
internal sealed class Dependencies(Database database, ChangeLogWatch changeLog, RecordState record, Embedder embedder, LanguageModel model, RedisConnection? redis = null)
{
    public IReadOnlyList<DependencyStatus> List()
    {
        bool recordUp = changeLog.Up && !record.Away;
        var list = new List<DependencyStatus>
        {
            new("database", recordUp, recordUp ? database.Provider : $"Questions are answered from the index; nothing can be written. {record.Trouble?.Message}".TrimEnd()),
            new("embeddings", embedder.Available, embedder.Available ? embedder.ModelId! : $"Search is by words only. {embedder.UnavailableReason}"),
        };
        if (model.Configured) list.Add(new("language_model", model.Up, model.Up ? model.Name : $"Answers are extracted. {model.Trouble}"));
        if (redis is not null) list.Add(new("redis", !redis.Circuit.IsOpen, redis.Circuit.IsOpen ? "The cache is in process only." : "The second level of the cache."));
        return list;
    }
}
