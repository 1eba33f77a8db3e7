namespace Rag.App.Pages;

/// <summary>Questions to try. They are about the product's own manual and are shown only where that is in the collection.</summary>
internal static class Examples
{
    /// <summary>The document that the answers stand in, as <c>rag demo</c> names it.</summary>
    public const string ManualUri = "docs/operations/runbook.md";

    public static readonly IReadOnlyList<string> Questions =
    [
        "How do I restore a backup?",
        "What is the response time for a P0 incident?",
        "How long are audit logs kept?",
    ];
}
