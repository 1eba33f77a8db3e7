using System.Text;
using Markdig;
using Markdig.Extensions.DefinitionLists;
using Markdig.Extensions.Footnotes;
using Markdig.Extensions.Tables;
using Markdig.Syntax;

namespace Rag.Ingestion.Parsing.Formats;

/// <summary>Markdown (CommonMark with the GitHub additions): its structure as blocks, its inline markup as plain text.</summary>
internal sealed class MarkdownParser
{
    // Markdig is quadratic in some nestings; no real document goes this deep.
    private const int MaxQuoteDepth = 100;

    private static readonly MarkdownPipeline Pipeline = new MarkdownPipelineBuilder()
        .UsePipeTables().UseGridTables().UseEmphasisExtras().UseFootnotes().UseDefinitionLists().UseTaskLists().UseAutoLinks().Build();

    private readonly ParsedTextBuilder _builder;

    private MarkdownParser(ParsedTextBuilder builder) => _builder = builder;

    public static ParsedDocument Parse(ParseInput input)
    {
        var decoded = TextDecoder.Decode(input.Span);
        var source = MarkdownSource.Read(decoded.Text);
        var builder = input.Builder();
        Write(source.Body, builder);
        return builder.Build(source.Title, input.Type.MediaType, new Dictionary<string, string> { ["charset"] = decoded.Charset });
    }

    public static void Write(string markdown, ParsedTextBuilder builder)
    {
        MarkdownSource.CheckDepth(markdown, MaxQuoteDepth);
        MarkdownDocument document;
        try
        {
            document = Markdown.Parse(markdown, Pipeline);
        }
        catch (ArgumentException e) when (e.Message.Contains("nested", StringComparison.OrdinalIgnoreCase))
        {
            throw MarkdownSource.TooDeep(e);
        }
        new MarkdownParser(builder).Blocks(document, 0);
    }

    private void Blocks(ContainerBlock container, int listDepth)
    {
        foreach (var block in container) Block(block, listDepth);
    }

    private void Block(Block block, int listDepth)
    {
        switch (block)
        {
            case HeadingBlock heading:
                _builder.Heading(heading.Level, MarkdownText.Of(heading.Inline));
                break;
            case ParagraphBlock paragraph:
                _builder.Paragraph(MarkdownText.Of(paragraph.Inline));
                break;
            case ListBlock list:
                List(list, listDepth, _builder.NewGroup());
                break;
            case Table table:
                Table(table);
                break;
            case CodeBlock code:
                _builder.Code(code.Lines.ToString());
                break;
            case HtmlBlock html:
                if (html.Type != HtmlBlockType.Comment) HtmlParser.WriteFragment(html.Lines.ToString(), _builder);
                break;
            case DefinitionItem definition:
                Definition(definition, listDepth);
                break;
            case FootnoteLinkReferenceDefinition or LinkReferenceDefinitionGroup or LinkReferenceDefinition:
                break;
            case ContainerBlock inner:
                Blocks(inner, listDepth);
                break;
        }
    }

    private void List(ListBlock list, int depth, int group)
    {
        int number = int.TryParse(list.OrderedStart ?? list.DefaultOrderedStart, out int start) ? start : 1;
        foreach (var item in list.OfType<ListItemBlock>())
        {
            string marker = list.IsOrdered ? $"{number++}{list.OrderedDelimiter} " : "- ";
            bool written = false;
            foreach (var block in item)
            {
                if (block is ListBlock nested) List(nested, depth + 1, group);
                else if (!written && block is ParagraphBlock paragraph)
                {
                    _builder.ListItem(group, depth, marker, MarkdownText.Of(paragraph.Inline));
                    written = true;
                }
                else Block(block, depth + 1);
            }
        }
    }

    private void Definition(DefinitionItem item, int depth)
    {
        var term = new StringBuilder();
        foreach (var block in item)
        {
            if (block is DefinitionTerm name) term.Append(term.Length > 0 ? ", " : "").Append(MarkdownText.Of(name.Inline));
            else if (term.Length > 0 && block is ParagraphBlock paragraph)
            {
                _builder.Paragraph($"{term}: {MarkdownText.Of(paragraph.Inline)}");
                term.Clear();
            }
            else Block(block, depth);
        }
    }

    private void Table(Table table)
    {
        int group = _builder.NewGroup();
        foreach (var row in table.OfType<TableRow>())
            _builder.TableRow(group, row.OfType<TableCell>().Select(CellText).ToList());
    }

    private static string CellText(TableCell cell) =>
        string.Join(' ', cell.OfType<LeafBlock>().Select(b => b is CodeBlock code ? code.Lines.ToString() : MarkdownText.Of(b.Inline)));
}
