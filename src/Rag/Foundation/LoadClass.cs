namespace Rag.Foundation;

/// <summary>
/// What kind of load a route is, as its rate limiting policy: each class has its own bounds, so that a flood of one
/// leaves room for the other. Health, metrics, administration and plain reading belong to none and are never refused.
/// </summary>
internal static class LoadClass
{
    public const string Questions = "questions", Writes = "writes";

    /// <summary>Bodies that carry files; every other body is bounded by <see cref="MaxBodyBytes"/> or less.</summary>
    public const long MaxUploadBytes = 1_000_000_000;

    public const long MaxBodyBytes = 8_388_608;
}
