using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Rendering;

namespace Rag.App.Pages;

/// <summary>
/// A stretch of a document's text as blocks. Every character is there, in order, and nothing else: the element's text
/// content is the text, and its marks' together the span. Blanks between blocks are left to collapse.
/// </summary>
public sealed class DocumentText : ComponentBase
{
    /// <summary>Id of the first mark, to which links to a span point.</summary>
    public const string MarkId = "quote";

    [Parameter, EditorRequired] public required DocumentExcerpt Model { get; set; }

    /// <summary>Headings' level where the document's outermost begin.</summary>
    [Parameter] public int HeadingLevel { get; set; } = 2;

    private bool _marked;

    protected override void BuildRenderTree(RenderTreeBuilder builder)
    {
        _marked = false;
        builder.OpenElement(0, "div");
        builder.AddAttribute(1, "class", "text");
        builder.AddAttribute(2, "dir", "auto");
        builder.AddAttribute(3, "lang", Model.Language);
        builder.AddAttribute(4, "data-from", Model.From);
        int at = Model.From, level = HeadingLevel - 1;
        foreach (var piece in Model.Pieces)
        {
            Text(builder, at, piece.Start);
            // A level is never skipped, whatever the document does, so that headings remain an outline.
            if (piece.Kind == PieceKind.Heading) level = Math.Clamp(HeadingLevel - 1 + piece.Level, HeadingLevel, Math.Min(level + 1, 6));
            builder.OpenElement(5, piece.Kind == PieceKind.Heading ? $"h{level}" : "div");
            builder.AddAttribute(6, "class", ClassOf(piece.Kind));
            if (piece.Page is { } page) builder.AddAttribute(7, "data-page", $"Page {page}");
            Text(builder, piece.Start, piece.End);
            builder.CloseElement();
            at = piece.End;
        }
        Text(builder, at, Model.To);
        builder.CloseElement();
    }

    private static string ClassOf(PieceKind kind) => kind switch
    {
        PieceKind.Heading => "b heading",
        PieceKind.ListItem => "b item",
        PieceKind.TableRow => "b row",
        PieceKind.Code => "b code",
        _ => "b",
    };

    private void Text(RenderTreeBuilder builder, int from, int to)
    {
        int start = Math.Clamp(Model.MarkStart, from, to), end = Math.Clamp(Model.MarkEnd, from, to);
        if (end <= start)
        {
            Plain(builder, from, to);
            return;
        }
        Plain(builder, from, start);
        builder.OpenElement(8, "mark");
        if (!_marked) builder.AddAttribute(9, "id", MarkId);
        _marked = true;
        Plain(builder, start, end);
        builder.CloseElement();
        Plain(builder, end, to);
    }

    private void Plain(RenderTreeBuilder builder, int from, int to)
    {
        if (to > from) builder.AddContent(10, Model.Text[from..to]);
    }
}
