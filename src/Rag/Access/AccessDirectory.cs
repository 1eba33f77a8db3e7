using System.Data.Common;
using Dapper;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Access;

/// <summary>
/// Who may do what, in the memory of every replica: loaded before the server listens, and read on as soon as the record
/// says that something changed. No request waits for the record to be let in. While the record is away this replica goes
/// on with what it knew last, for a while.
/// </summary>
internal sealed class AccessDirectory(
    Database database, ChangeLog changes, Followers followers, RecordState record, FormSecrets secrets, AccessOptions options, TimeProvider time, ILogger<AccessDirectory> log) : BackgroundService
{
    /// <summary>What processes are waited for by, in <see cref="Followers"/>.</summary>
    public const string Subject = "access";

    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1), Pause = TimeSpan.FromMilliseconds(20);

    private readonly SemaphoreSlim _reading = new(1, 1);
    private readonly TimeSpan _staleLimit = TimeSpan.FromMinutes(options.StaleLimitMinutes);
    private volatile AccessState _state = AccessState.Empty;
    private long _readAt;
    private bool _registered, _troubled;

    /// <summary>What holds now.</summary>
    /// <exception cref="RagException">Unavailable: it was not read yet, or not for too long.</exception>
    public AccessState Current
    {
        get
        {
            var state = _state;
            if (state.Version >= 0 && time.GetElapsedTime(Volatile.Read(ref _readAt)) < _staleLimit) return state;
            throw new RagException(
                ErrorKind.Unavailable, state.Version < 0 ? "Who may do what is not known yet: the record is away." : $"Who may do what was last read more than {options.StaleLimitMinutes} minutes ago: the record is away.",
                "Bring the database back; Access:StaleLimitMinutes sets how long a replica goes on without it.");
        }
    }

    /// <summary>The same for what must not fail: what was known last, however old.</summary>
    public AccessState Last => _state;

    /// <summary>Reads what is newer than what is known here, and says so to the other processes.</summary>
    public async Task RefreshAsync(CancellationToken ct)
    {
        await _reading.WaitAsync(ct);
        try
        {
            // Known to whoever waits before the first look, so that no change falls between.
            if (!_registered)
            {
                await secrets.EnsureAsync(ct);
                await followers.ReachedAsync(Subject, -1, ct);
                _registered = true;
            }
            var known = _state;
            long started = time.GetTimestamp();
            await using var connection = await database.OpenAsync(ct);
            long version = await connection.ExecuteScalarAsync<long>(new CommandDefinition("SELECT version FROM access_version WHERE one = 1", cancellationToken: ct));
            if (version != known.Version)
            {
                _state = await ReadAsync(connection, known, version, ct);
                await followers.ReachedAsync(Subject, version, ct);
            }
            Volatile.Write(ref _readAt, started);
            _troubled = false;
        }
        finally
        {
            _reading.Release();
        }
    }

    public override async Task StartAsync(CancellationToken ct)
    {
        await TryAsync(ct);
        await base.StartAsync(ct);
    }

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var next = changes.NextAnnouncement;
            if (!record.Away || _state.Version < 0) await TryAsync(stop);
            await next.WaitAsync(Look, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            // A busy ingest announces more often than this has to look.
            await Task.Delay(Pause, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task TryAsync(CancellationToken ct)
    {
        try
        {
            await RefreshAsync(ct);
        }
        catch (Exception e) when (e is RagException or DbException or OperationCanceledException)
        {
            if (!_troubled && !ct.IsCancellationRequested) log.NotRead(e.Message);
            _troubled = true;
        }
    }

    /// <summary>Rows that changed since the known state, put in its place. A version that went back is another record.</summary>
    private async Task<AccessState> ReadAsync(DbConnection connection, AccessState known, long version, CancellationToken ct)
    {
        if (version < known.Version) known = AccessState.Empty;
        long now = time.Microseconds();
        var after = new { known.Version };
        const string Newer = "WHERE version > @Version";
        Dictionary<string, KnownKey> keys = new(known.Keys);
        Dictionary<string, KnownGrant> grants = new(known.Grants);
        Dictionary<string, KnownSession> sessions = new(known.Sessions.Where(s => s.Value.ExpiresAt > now));
        foreach (var row in await connection.KeysAsync(Newer, after, ct))
        {
            if (row.RevokedAt is not null) keys.Remove(row.Id);
            else keys[row.Id] = AccessRows.Known(row);
        }
        foreach (var row in await connection.GrantsAsync(Newer, after, ct))
        {
            if (row.RemovedAt is not null) grants.Remove(row.Id);
            else grants[row.Id] = AccessRows.Known(row);
        }
        foreach (var row in await connection.SessionsAsync(Newer, after, ct))
        {
            if (row.EndedAt is not null || row.ExpiresAt <= now) sessions.Remove(row.Hash);
            else sessions[row.Hash] = AccessRows.Known(row);
        }
        var forms = (await connection.FormKeysAsync(Newer, after, ct)).AsList();
        if (forms.Count > 0) secrets.Take(forms);
        return new(version, keys, grants, sessions);
    }
}
