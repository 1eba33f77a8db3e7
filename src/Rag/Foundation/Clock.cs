namespace Rag.Foundation;

/// <summary>Times in the record are UTC microseconds since 1970-01-01, in a BIGINT, on every engine.</summary>
internal static class Clock
{
    public static long Microseconds(this TimeProvider time) => ToMicroseconds(time.GetUtcNow());

    public static long ToMicroseconds(DateTimeOffset instant) => (instant.UtcTicks - DateTimeOffset.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;

    public static DateTimeOffset FromMicroseconds(long microseconds) => DateTimeOffset.UnixEpoch.AddTicks(microseconds * TimeSpan.TicksPerMicrosecond);
}
