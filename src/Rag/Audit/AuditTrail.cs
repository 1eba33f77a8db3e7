using System.Data.Common;
using Dapper;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Audit;

/// <summary>A record that is written: what, by whom, and where it is told later or twice, when and under which id.</summary>
/// <param name="About">Pseudonym of the subject whose key this destroys.</param>
internal sealed record AuditEntry(AuditEvent Event, Actor Actor, DateTimeOffset? At = null, string? Id = null, string? About = null, IReadOnlyList<RecordedAccess>? Accesses = null);

/// <summary>Puts what was done on the record, for <see cref="Actor.Current"/>.</summary>
internal sealed class AuditTrail(Database database, AuditKeys keys, TimeProvider time)
{
    /// <summary>Writes in the action's own transaction: both are there or neither. Where that appends to the change log, before it does.</summary>
    public Task AppendAsync(DbTransaction tx, AuditEvent done) => AppendManyAsync(tx, [new(done, Actor.Current)]);

    /// <summary>The same for several. One whose id is there already is not written again.</summary>
    public async Task AppendManyAsync(DbTransaction tx, IReadOnlyList<AuditEntry> entries)
    {
        var subjects = new Dictionary<string, (string Id, byte[] Key)>();
        // In one order for everybody, so that two transactions never wait for each other.
        foreach (string owner in entries.Select(e => Owner(e.Actor)).Distinct().Order(StringComparer.Ordinal)) subjects[owner] = await SubjectAsync(tx, owner);
        foreach (var entry in entries)
        {
            var (subject, key) = subjects[Owner(entry.Actor)];
            string id = entry.Id ?? Ids.New(time);
            var at = Clock.FromMicroseconds(Clock.ToMicroseconds(entry.At ?? time.GetUtcNow()));
            var done = entry.Event with { Resource = OcsfEvent.Resource(entry.Event.Resource) };
            var envelope = Envelope.Seal(id, Clock.ToMicroseconds(at), done.Category, done.Action, done.Succeeded, subject, entry.About, key, OcsfEvent.Write(id, at, done, entry.Actor, entry.Accesses));
            byte[] bytes = envelope.Bytes();
            await tx.Connection!.ExecuteAsync(
                """
                INSERT INTO audit_records (id, at, category, action, outcome, subject, resource, envelope, mac)
                VALUES (@Id, @At, @Category, @Action, @Outcome, @Subject, @Resource, @bytes, @mac) ON CONFLICT (id) DO NOTHING
                """, new { envelope.Id, envelope.At, envelope.Category, envelope.Action, envelope.Outcome, envelope.Subject, done.Resource, bytes, mac = keys.Mac(bytes) }, tx);
        }
    }

    /// <summary>
    /// Writes in a transaction of its own. Where the action is no transaction it is recorded before it is done, so that
    /// an action that cannot be recorded is refused.
    /// </summary>
    public Task RecordAsync(AuditEvent done, CancellationToken ct) => database.WriteAsync(tx => AppendAsync(tx, done), ct);

    /// <summary>What a subject is found by while it is not erased.</summary>
    public static string Owner(Actor actor) => OcsfEvent.Resource($"{actor.Kind}:{actor.Id}");

    /// <summary>The subject's pseudonym and key; made where the owner has none, or none any more.</summary>
    private async Task<(string Id, byte[] Key)> SubjectAsync(DbTransaction tx, string owner)
    {
        const string Select = "SELECT id AS Id, wrapped_key AS Wrapped FROM audit_subjects WHERE owner = @owner";
        var row = await tx.Connection!.QuerySingleOrDefaultAsync<SubjectRow>(Select, new { owner }, tx);
        if (row is null)
        {
            string id = Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(16));
            byte[] wrapped = keys.Wrap(id, System.Security.Cryptography.RandomNumberGenerator.GetBytes(32));
            await tx.Connection!.ExecuteAsync(
                "INSERT INTO audit_subjects (id, owner, wrapped_key, created_at) VALUES (@id, @owner, @wrapped, @at) ON CONFLICT (owner) DO NOTHING", new { id, owner, wrapped, at = time.Microseconds() }, tx);
            row = await tx.Connection!.QuerySingleAsync<SubjectRow>(Select, new { owner }, tx);
        }
        return row.Wrapped is { } sealedKey && keys.Unwrap(row.Id, sealedKey) is { } key ? (row.Id, key) : throw new RagException(
            ErrorKind.Unavailable, "The audit key does not open what the audit record holds.", "Put back the key file that this record was made with: Audit:KeyFile names it.");
    }

    private sealed class SubjectRow
    {
        public string Id { get; set; } = "";
        public byte[]? Wrapped { get; set; }
    }
}
