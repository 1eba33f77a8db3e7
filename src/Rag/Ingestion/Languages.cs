namespace Rag.Ingestion;

/// <summary>Languages whose words the full-text index can bring to their stems; <c>none</c> only splits and folds.</summary>
internal static class Languages
{
    public const string Default = "english";

    public static readonly IReadOnlySet<string> All = new SortedSet<string>(StringComparer.Ordinal)
    {
        "arabic", "czech", "danish", "dutch", "english", "finnish", "french", "german", "greek", "hindi", "hungarian",
        "italian", "norwegian", "portuguese", "romanian", "russian", "spanish", "swedish", "turkish", "cjk", "none",
    };
}
