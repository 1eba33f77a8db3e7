using Rag.Foundation;

namespace Rag.Retrieval;

internal enum RetrievalMode
{
    Hybrid,
    Lexical,
    Dense,
}

internal static class RetrievalModes
{
    public static RetrievalMode Parse(string? mode) => mode switch
    {
        null or "" or "hybrid" => RetrievalMode.Hybrid,
        "lexical" => RetrievalMode.Lexical,
        "dense" => RetrievalMode.Dense,
        _ => throw new RagException(ErrorKind.Invalid, $"'{mode}' is not a search mode.", "Use hybrid, lexical or dense."),
    };
}
