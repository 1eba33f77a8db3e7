using System.Data.Common;
using System.Text.RegularExpressions;
using Dapper;
using Rag.Audit;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Ingestion;

/// <summary>A named set of documents with a language of its own for full text.</summary>
internal sealed record Collection(string Id, string Name, string Language, long CreatedAt);

/// <summary>Collections, by name. The collection <c>default</c> is made by the first write to it.</summary>
internal sealed partial class Collections(Database database, ChangeLog changes, AuditTrail audit, TimeProvider time)
{
    public const string Default = "default";

    private const string Columns = "id AS Id, name AS Name, language AS Language, created_at AS CreatedAt";

    /// <summary>Names that every caller may rely on: they go into addresses and metric-free logs.</summary>
    [GeneratedRegex("^[a-z0-9][a-z0-9._-]{0,63}$")]
    private static partial Regex NamePattern { get; }

    public async Task<IReadOnlyList<Collection>> ListAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return (await connection.QueryAsync<Collection>(new CommandDefinition($"SELECT {Columns} FROM collections ORDER BY name", cancellationToken: ct))).AsList();
    }

    public async Task<Collection?> FindAsync(string name, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return await connection.QuerySingleOrDefaultAsync<Collection>(new CommandDefinition($"SELECT {Columns} FROM collections WHERE name = @name", new { name }, cancellationToken: ct));
    }

    public async Task<Collection?> FindByIdAsync(string id, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return await FindByIdAsync(connection, id, ct);
    }

    /// <summary>The same on a connection that the caller has.</summary>
    public Task<Collection?> FindByIdAsync(DbConnection connection, string id, CancellationToken ct) =>
        connection.QuerySingleOrDefaultAsync<Collection>(new CommandDefinition($"SELECT {Columns} FROM collections WHERE id = @id", new { id }, cancellationToken: ct));

    public async Task<Collection> GetAsync(string name, CancellationToken ct) =>
        await FindAsync(name, ct) ?? throw Unknown(name);

    /// <summary>The collection of that name, made where there is none; an existing one keeps its language unless another is asked for.</summary>
    public async Task<Collection> EnsureAsync(string name, string? language, CancellationToken ct)
    {
        if (!NamePattern.IsMatch(name))
            throw new RagException(ErrorKind.Invalid, $"'{name}' is not a collection name.", "Use up to 64 of a–z, 0–9, '.', '_' and '-', beginning with a letter or digit.");
        if (language is not null && !Languages.All.Contains(language))
            throw new RagException(ErrorKind.Invalid, $"'{language}' is not a language of the full-text index.", $"Use one of {string.Join(", ", Languages.All)}.");
        if (await FindAsync(name, ct) is { } existing && (language is null || existing.Language == language)) return existing;
        var collection = await database.WriteAsync(async tx =>
        {
            var row = await tx.Connection!.QuerySingleAsync<Collection>(
                $"""
                INSERT INTO collections (id, name, language, created_at) VALUES (@id, @name, @language, @at)
                ON CONFLICT (name) DO UPDATE SET language = COALESCE(@wanted, collections.language)
                RETURNING {Columns}
                """,
                new { id = Ids.New(time), name, language = language ?? Languages.Default, wanted = language, at = time.Microseconds() }, tx);
            await audit.AppendAsync(tx, AuditEvent.Administrative("collection.put", "collection:" + name, new Dictionary<string, string> { ["id"] = row.Id, ["language"] = row.Language }));
            await changes.AppendAsync(tx, ChangeKind.CollectionPut, row.Id);
            return row;
        }, ct);
        changes.Announce();
        return collection;
    }

    /// <summary>Removes the collection and everything in it; returns the position of the change.</summary>
    public async Task<long> DeleteAsync(string name, CancellationToken ct)
    {
        var collection = await GetAsync(name, ct);
        long seq = await database.WriteAsync(async tx =>
        {
            await database.AllowLongAsync(tx);
            await tx.Connection!.ExecuteAsync("DELETE FROM collections WHERE id = @Id", new { collection.Id }, tx, commandTimeout: Database.LongCommandSeconds);
            await audit.AppendAsync(tx, AuditEvent.Administrative("collection.delete", "collection:" + name, new Dictionary<string, string> { ["id"] = collection.Id }));
            return await changes.AppendAsync(tx, ChangeKind.CollectionDeleted, collection.Id);
        }, ct);
        changes.Announce();
        return seq;
    }

    public static RagException Unknown(string name) =>
        new(ErrorKind.NotFound, $"There is no collection '{name}'.", "List the collections with 'rag collections list', or ingest a document into it to make it.");
}
