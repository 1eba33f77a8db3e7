using System.Buffers.Text;
using System.Security.Cryptography;
using Dapper;
using Microsoft.AspNetCore.Http;
using Rag.Audit;
using Rag.Foundation;
using Rag.Storage;
using Rag.Storage.Leadership;

namespace Rag.Access;

/// <summary>
/// Sessions of people who signed in to the pages. The cookie holds 256 random bits, the record their hash: who reads the
/// record can sign in as nobody. A session ends when it is not used, at its absolute end, when it is signed out of, and
/// with the key that opened it.
/// </summary>
internal sealed class Sessions(Database database, AccessDirectory directory, AccessChanges changes, AuditTrail audit, LastUse uses, AccessOptions options, TimeProvider time)
{
    /// <summary>Over HTTPS browsers keep the name to this host and to secure connections (RFC 6265bis, 4.1.3.2).</summary>
    public const string SecureCookie = "__Host-rag-session", PlainCookie = "rag-session";

    private const int MaxSessionsEach = 20;
    private static readonly TimeSpan Kept = TimeSpan.FromDays(2);

    /// <summary>What the request's cookie holds; null where there is none.</summary>
    public static string? TokenOf(HttpRequest request) => request.Cookies[CookieName(request)] is { Length: ApiKey.SecretChars } token ? token : null;

    public async ValueTask<Recognised> RecogniseAsync(string token, string? address, CancellationToken ct)
    {
        var state = directory.Current;
        string hash = ApiKey.HashText(token);
        long now = time.Microseconds();
        if (!state.Sessions.TryGetValue(hash, out var session) || now >= session.ExpiresAt) return Authenticator.Nobody(address, Unknown.EndedSession);
        KnownKey? key = null;
        if (session.Kind == "key" && (!state.Keys.TryGetValue(session.Principal, out key) || now >= key.ExpiresAt)) return Authenticator.Nobody(address, Unknown.EndedSession);
        // Other replicas write when they saw it only once a minute, and tell nobody.
        if (Idle(session, now) && !await UsedElsewhereAsync(session, now, ct)) return Authenticator.Nobody(address, Unknown.EndedSession);
        uses.Session(session, now);
        return new(state.CallerOf(session, now) with { Address = address }, Limits: key, BySession: true);
    }

    /// <summary>Begins a session of who was recognised, and gives its token for the cookie.</summary>
    public async Task<string> BeginAsync(Caller caller, CancellationToken ct)
    {
        string token = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        string hash = ApiKey.HashText(token);
        long now = time.Microseconds();
        await changes.ApplyAsync(async (tx, version) =>
        {
            // Whoever signs in again and again leaves the oldest behind.
            var older = await tx.Connection!.QueryAsync<string>(
                "SELECT hash FROM sessions WHERE kind = @Kind AND principal = @Id AND ended_at IS NULL AND expires_at > @now ORDER BY created_at DESC LIMIT 1000 OFFSET @keep", new { caller.Kind, caller.Id, now, keep = MaxSessionsEach - 1 }, tx);
            foreach (string old in older) await tx.Connection!.ExecuteAsync("UPDATE sessions SET ended_at = @now, version = @version WHERE hash = @old", new { now, version, old }, tx);
            await tx.Connection!.ExecuteAsync(
                """
                INSERT INTO sessions (hash, kind, principal, name, groups, created_at, last_used_at, expires_at, version)
                VALUES (@hash, @Kind, @Id, @Name, @groups, @now, @now, @expires, @version)
                """,
                new { hash, caller.Kind, caller.Id, caller.Name, groups = AccessRows.GroupText(caller.Groups), now, expires = now + (long)TimeSpan.FromHours(options.Sessions.Hours).TotalMicroseconds, version }, tx);
            await audit.AppendAsync(tx, new AuditEvent(AuditCategory.SignIn, "session.begin", $"{caller.Kind}:{caller.Id}"));
            return 0;
        }, ct);
        return token;
    }

    /// <summary>Ends the session of a token, on every replica.</summary>
    public Task<(int Result, Effect Effect)> EndAsync(string token, Caller caller, CancellationToken ct) => changes.ApplyAsync(async (tx, version) =>
    {
        int ended = await tx.Connection!.ExecuteAsync("UPDATE sessions SET ended_at = @now, version = @version WHERE hash = @hash AND ended_at IS NULL", new { now = time.Microseconds(), version, hash = ApiKey.HashText(token) }, tx);
        await audit.AppendAsync(tx, new AuditEvent(AuditCategory.SignIn, "session.end", $"{caller.Kind}:{caller.Id}"));
        return ended;
    }, ct);

    public void SetCookie(HttpContext context, string token) => context.Response.Cookies.Append(CookieName(context.Request), token, Cookie(context.Request, TimeSpan.FromHours(options.Sessions.Hours)));

    public static void RemoveCookie(HttpContext context) => context.Response.Cookies.Delete(CookieName(context.Request), Cookie(context.Request, null));

    /// <summary>Removes what ended long ago: no replica can still have to hear of it.</summary>
    public Task CleanAsync(LeaderTerm term, CancellationToken ct) => term.WriteAsync(tx => tx.Connection!.ExecuteAsync(
        "DELETE FROM sessions WHERE expires_at < @before OR ended_at < @before", new { before = Clock.ToMicroseconds(time.GetUtcNow() - Kept) }, tx), ct);

    private bool Idle(KnownSession session, long now) => now - Volatile.Read(ref session.UsedAt) > (long)TimeSpan.FromMinutes(options.Sessions.IdleMinutes).TotalMicroseconds;

    private async Task<bool> UsedElsewhereAsync(KnownSession session, long now, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        long? used = await connection.ExecuteScalarAsync<long?>(new CommandDefinition("SELECT last_used_at FROM sessions WHERE hash = @Hash AND ended_at IS NULL", new { session.Hash }, cancellationToken: ct));
        if (used is { } at && at > Volatile.Read(ref session.UsedAt)) Volatile.Write(ref session.UsedAt, at);
        return !Idle(session, now);
    }

    private static string CookieName(HttpRequest request) => request.IsHttps ? SecureCookie : PlainCookie;

    /// <summary>Lax, so that a link in a mail about an incident opens it signed in; what changes something carries a form's token besides.</summary>
    private static CookieOptions Cookie(HttpRequest request, TimeSpan? age) => new() { HttpOnly = true, Secure = request.IsHttps, SameSite = SameSiteMode.Lax, Path = "/", MaxAge = age, IsEssential = true };
}
