using Rag.Answering;
using Rag.Ingestion;

namespace Rag.App.Pages;

/// <summary>Everything that the Documents page shows of one collection.</summary>
/// <param name="Next">Address after which the next page begins; null on the last.</param>
/// <param name="Outcomes">What became of the files that were just sent; null where none were.</param>
/// <param name="WordsOnly">Why nothing is found by meaning; null where it is.</param>
/// <param name="Folders">Right below the prefix, each as the prefix of what is in it.</param>
/// <param name="MayWrite">Whether the reader may add to the collection and change it.</param>
public sealed record DocumentsModel(
    CollectionView Collection, IReadOnlyList<string> Collections, IReadOnlyList<DocumentView> Documents, string Prefix, string After, string? Next,
    string FormToken, long MaxFileBytes, string? WordsOnly, bool MayWrite, IReadOnlyList<IngestedFile>? Outcomes = null, Failure? Failure = null, string? Notice = null,
    IReadOnlyList<string>? Folders = null)
{
    public static IReadOnlyList<string> AllLanguages { get; } = [.. Languages.All];

    public const string DefaultLanguage = Languages.Default;
}

/// <summary>One document with its versions, and the text of one of them.</summary>
/// <param name="Shown">The version whose text this is.</param>
/// <param name="Span">The span that was asked for; marked where the text has it.</param>
/// <param name="FormToken">For changing it; null where the reader may not.</param>
public sealed record DocumentModel(
    DocumentView Document, long Shown, DocumentExcerpt Excerpt, (int Start, int End)? Span, string? SpanProblem, string? FormToken = null, string? Notice = null);

/// <summary>What deleting would remove.</summary>
public sealed record DeleteModel(DocumentView Document, string FormToken);

/// <summary>Answers that quote a document.</summary>
/// <param name="Looked">So many of the latest answers were looked through.</param>
public sealed record CitedModel(DocumentView Document, IReadOnlyList<CitingAnswer> Citing, int Looked);
