using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using Rag.Audit;
using Rag.Foundation;

namespace Rag.Access;

/// <summary>
/// Keys by which this process calls its own door: its probe, and commands that it runs for somebody and that may do what
/// they may. They live in this process' memory only and are known to no other.
/// </summary>
internal sealed class OwnKeys(TimeProvider time)
{
    public const string Prefix = "own_";

    private const int Max = 256;

    private readonly ConcurrentDictionary<string, (Caller Caller, long Until)> _keys = new();

    /// <summary>The server itself, which only asks.</summary>
    public static readonly Caller Probe = new(Actor.ProbeKind, "probe", "rag-system's probe", null, [new(Role.Reader, null)], []);

    /// <param name="length">How long it holds.</param>
    /// <exception cref="RagException">Overloaded: too many are out.</exception>
    public string Issue(Caller caller, TimeSpan length)
    {
        long now = time.Microseconds();
        foreach (var (hash, key) in _keys)
            if (key.Until <= now) _keys.TryRemove(hash, out _);
        if (_keys.Count >= Max) throw new RagException(ErrorKind.Overloaded, "Too many commands run on this server.", "Try again in a moment.");
        string secret = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        _keys[ApiKey.HashText(secret)] = (caller, length == Timeout.InfiniteTimeSpan ? long.MaxValue : now + (long)length.TotalMicroseconds);
        return Prefix + secret;
    }

    public Caller? Find(ReadOnlySpan<char> text) =>
        text.StartsWith(Prefix, StringComparison.Ordinal) && _keys.TryGetValue(ApiKey.HashText(text[Prefix.Length..].ToString()), out var key) && time.Microseconds() < key.Until ? key.Caller : null;
}
