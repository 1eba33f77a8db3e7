using System.Collections.Concurrent;
using System.Data.Common;
using Dapper;
using Microsoft.Extensions.Hosting;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Access;

/// <summary>
/// When keys, sessions and users were last seen: noted in memory at most once a minute each, and written behind the
/// requests. What is not written when the process dies is lost, and is a minute.
/// </summary>
internal sealed class LastUse(Database database, RecordState record, TimeProvider time) : BackgroundService
{
    private const long NoteEvery = 60 * 1_000_000L;
    private const int MaxPending = 50_000;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<string, long> _keys = new(), _sessions = new();
    private readonly ConcurrentDictionary<string, (OidcUser User, long At)> _users = new();
    private readonly ConcurrentDictionary<string, long> _usersNoted = new();

    public void Key(KnownKey key, long now)
    {
        if (now - Volatile.Read(ref key.NotedAt) < NoteEvery) return;
        Volatile.Write(ref key.NotedAt, now);
        Note(_keys, key.Id, now);
    }

    public void Session(KnownSession session, long now)
    {
        Volatile.Write(ref session.UsedAt, now);
        if (now - Volatile.Read(ref session.NotedAt) < NoteEvery) return;
        Volatile.Write(ref session.NotedAt, now);
        Note(_sessions, session.Hash, now);
    }

    public void User(OidcUser user)
    {
        long now = time.Microseconds();
        if (now - _usersNoted.GetValueOrDefault(user.Subject) < NoteEvery) return;
        if (_usersNoted.Count >= MaxPending) _usersNoted.Clear();
        _usersNoted[user.Subject] = now;
        if (_users.Count < MaxPending) _users[user.Subject] = (user, now);
    }

    /// <summary>Writes what was noted.</summary>
    public async Task FlushAsync(CancellationToken ct)
    {
        var (keys, sessions, users) = (Drain(_keys), Drain(_sessions), Drain(_users));
        if (keys.Count + sessions.Count + users.Count == 0) return;
        try
        {
            await database.WriteAsync(async tx =>
            {
                // In one order everywhere, so that two replicas never wait for each other.
                foreach (var (id, at) in keys.OrderBy(k => k.Key, StringComparer.Ordinal))
                    await tx.Connection!.ExecuteAsync("UPDATE api_keys SET last_used_at = @at WHERE id = @id AND (last_used_at IS NULL OR last_used_at < @at)", new { id, at }, tx);
                foreach (var (hash, at) in sessions.OrderBy(k => k.Key, StringComparer.Ordinal))
                    await tx.Connection!.ExecuteAsync("UPDATE sessions SET last_used_at = @at WHERE hash = @hash AND last_used_at < @at", new { hash, at }, tx);
                foreach (var (subject, (user, at)) in users.OrderBy(k => k.Key, StringComparer.Ordinal))
                    await tx.Connection!.ExecuteAsync(
                        """
                        INSERT INTO access_users (subject, name, groups, seen_at) VALUES (@subject, @Name, @groups, @at)
                        ON CONFLICT (subject) DO UPDATE SET name = @Name, groups = @groups, seen_at = @at
                        """, new { subject, user.Name, groups = AccessRows.GroupText(user.Groups), at }, tx);
            }, ct);
        }
        catch
        {
            foreach (var (id, at) in keys) _keys.TryAdd(id, at);
            foreach (var (hash, at) in sessions) _sessions.TryAdd(hash, at);
            foreach (var (subject, seen) in users) _users.TryAdd(subject, seen);
            throw;
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await Task.Delay(Interval, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await TryAsync();
        }
    }

    private async Task TryAsync()
    {
        if (record.Away) return;
        try
        {
            await FlushAsync(CancellationToken.None);
        }
        catch (Exception e) when (e is RagException or DbException)
        {
            // Kept for the next time.
        }
    }

    private static void Note(ConcurrentDictionary<string, long> notes, string id, long now)
    {
        if (notes.Count < MaxPending) notes[id] = now;
    }

    private static List<KeyValuePair<string, T>> Drain<T>(ConcurrentDictionary<string, T> notes)
    {
        var drained = new List<KeyValuePair<string, T>>();
        foreach (string id in notes.Keys)
            if (notes.TryRemove(id, out var value)) drained.Add(new(id, value));
        return drained;
    }
}
