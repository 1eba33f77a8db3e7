using Rag.Answering;

namespace Rag.App.Pages;

/// <summary>Everything that the Ask page shows.</summary>
/// <param name="Question">As it was put; empty on arrival.</param>
/// <param name="Collections">To choose from.</param>
/// <param name="Turns">What was asked before in the same conversation, oldest first.</param>
/// <param name="Streams">Sentences of answers come one by one.</param>
/// <param name="Permanent">The answer stands under its own address, as it was given.</param>
/// <param name="Away">What goes without saying while the record answers: that it does not, and what this is answered from.</param>
/// <param name="Welcome">What is in the collection, where no question was put or nothing is there to ask.</param>
public sealed record AskModel(
    string Question, string Collection, IReadOnlyList<string> Collections, string FormToken,
    Welcome? Welcome = null, Answer? Answer = null, int Source = 0, SourceView? View = null, Failure? Failure = null, bool Thanked = false,
    string? Away = null, IReadOnlyList<PriorTurn>? Turns = null, bool Streams = false, bool Permanent = false)
{
    public const int MaxQuestionChars = Retrieval.QueryText.MaxChars;

    /// <summary>Questions that a conversation on the page goes back.</summary>
    public const int MaxTurns = 5;

    /// <summary>Where a source of the answer is opened.</summary>
    public string SourceUrl(int number) => Permanent ? Show.AnswerUrl(Answer!.Id, number) : Show.AskUrl(Question, Collection, number, Before);

    /// <summary>Ids of the conversation before this question, as an address names them.</summary>
    public string Before => string.Join(',', (Turns ?? []).Select(t => t.Id));

    /// <summary>Ids of the conversation up to and with this answer, as a follow-up names them.</summary>
    public string After => string.Join(',', (Turns ?? []).Select(t => t.Id).Append(Answer?.Id ?? "").Where(id => id.Length > 0).TakeLast(MaxTurns));
}

/// <summary>A question that was asked before.</summary>
public sealed record PriorTurn(string Id, string Question);

/// <param name="Documents">In this collection; -1 where the record cannot say now.</param>
/// <param name="Titles">Some of them, with their addresses.</param>
/// <param name="Examples">Questions that these documents answer.</param>
public sealed record Welcome(long Documents, long AllDocuments, IReadOnlyList<(string Title, string Url)> Titles, IReadOnlyList<string> Examples)
{
    /// <summary>Whether the reader may add documents somewhere, and whether they run the service.</summary>
    public bool MayWrite => Access.Caller.Current.Has(Access.Role.Writer);

    public bool Operates => Access.Caller.Current.Has(Access.Role.Operator);
}

/// <summary>The document that a source points into, around the span; without text where it cannot be read now.</summary>
public sealed record SourceView(AnswerSource Source, string Url, DocumentExcerpt? Excerpt);

/// <summary>Answer sentences that belong together: a paragraph, a list, a table, one block of code, a heading.</summary>
public sealed record AnswerBlock(string Kind, IReadOnlyList<AnswerSentence> Sentences)
{
    /// <summary>Neighbours of one kind from one document version; each block of code stands alone.</summary>
    public static IReadOnlyList<AnswerBlock> Of(Answer answer)
    {
        var blocks = new List<(string Kind, string Document, List<AnswerSentence> Sentences)>();
        foreach (var sentence in answer.Sentences)
        {
            var source = answer.Sources[sentence.Source - 1];
            // A model's prose goes on from one source to the next.
            string document = sentence.Kind == AnswerSentence.Composed ? "" : $"{source.Document} {source.Version}";
            if (blocks.Count > 0 && blocks[^1].Kind == sentence.Kind && blocks[^1].Document == document && sentence.Kind is not ("code" or "heading"))
                blocks[^1].Sentences.Add(sentence);
            else
                blocks.Add((sentence.Kind, document, [sentence]));
        }
        return blocks.ConvertAll(b => new AnswerBlock(b.Kind, b.Sentences));
    }
}

/// <summary>Sources that stand at the same place of the same document, by their numbers.</summary>
public sealed record SourceGroup(AnswerSource First, IReadOnlyList<AnswerSource> Sources)
{
    public static IReadOnlyList<SourceGroup> Of(Answer answer) => answer.Sources
        .GroupBy(s => (s.Document, s.Version, s.HeadingPath, s.Page)).Select(g => new SourceGroup(g.First(), g.ToList())).ToList();
}
