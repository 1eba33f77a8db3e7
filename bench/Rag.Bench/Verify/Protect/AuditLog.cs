using Microsoft.Extensions.Configuration;
using Rag.Audit;
using Rag.Evaluation;
using Rag.Storage;
using Rag.Storage.Leadership;
using Rag.Testing;

namespace Rag.Bench.Verify.Protect;

/// <summary>An audit record with nothing else going on: some actors, one of them erased, and a few signed checkpoints outside.</summary>
internal sealed class AuditLog : IAsyncDisposable
{
    private const int Records = 14;

    private readonly ScratchStore _store;

    private AuditLog(ScratchStore store) => _store = store;

    /// <summary>Whether the engine's own server is there.</summary>
    public static bool Has(string provider) => provider == "sqlite" || PostgresServer.IsInstalled;

    public T Get<T>() where T : notnull => _store.Get<T>();

    /// <summary>The checkpoints outside.</summary>
    public IReadOnlyList<string> Notes => [.. CheckpointCopies.Read(Get<CheckpointCopies>().Directory)];

    public static async Task<AuditLog> CreateAsync(string provider, CancellationToken ct)
    {
        var settings = new Dictionary<string, string?> { ["Inference:Provider"] = "none" };
        if (provider == "postgres")
        {
            var server = await PostgresServer.SharedAsync(ct);
            settings["Storage:Provider"] = "postgres";
            settings["Storage:Postgres:ConnectionString"] = await server.CreateDatabaseAsync(ct);
            settings["Audit:KeyFile"] = AuditKeyFile.Shared;
        }
        return new(await ScratchStore.CreateAsync(new ConfigurationBuilder().AddInMemoryCollection(settings).Build(), ct));
    }

    /// <summary>Writes some records and signs them.</summary>
    public async Task GrowAsync(int round, CancellationToken ct)
    {
        await Task.Yield();
        for (int i = 0; i < Records; i++)
        {
            Actor.Become(new("user", $"u-{i % 4}", $"user {i % 4}", "192.0.2.1"));
            await Get<AuditTrail>().RecordAsync(AuditEvent.Administrative(i % 3 == 0 ? "thing.delete" : "thing.put", $"thing:{round}-{i}", new Dictionary<string, string> { ["round"] = $"{round}" }), ct);
        }
        Actor.Become(Actor.System);
        await SignAsync(ct);
    }

    public async Task SignAsync(CancellationToken ct)
    {
        var leader = Get<Leader>();
        await leader.RenewAsync(ct);
        await Get<AuditTree>().RunAsync(leader.Term ?? throw new InvalidOperationException("Another leads."), sign: true, ct);
        if (Get<AuditTree>().Trouble is { } trouble) throw new InvalidOperationException(trouble);
    }

    public ValueTask DisposeAsync() => _store.DisposeAsync();
}
