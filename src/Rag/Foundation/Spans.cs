using System.Diagnostics;

namespace Rag.Foundation;

/// <summary>Spans of this product's own steps, for traces. They name steps and never hold the text of a question or document.</summary>
internal static class Spans
{
    public const string SourceName = "Rag";

    private static readonly ActivitySource Source = new(SourceName);

    /// <summary>A step that ends now, as a span within the present one; costs a look at a field where nobody traces.</summary>
    public static void Ended(string name, long startedTimestamp)
    {
        if (!Source.HasListeners() || Activity.Current is not { Recorded: true } parent) return;
        var now = TimeProvider.System.GetUtcNow();
        using var span = Source.StartActivity(name, ActivityKind.Internal, parent.Context, startTime: now - Stopwatch.GetElapsedTime(startedTimestamp));
        span?.SetEndTime(now.UtcDateTime);
    }
}
