using System.Xml.Linq;

namespace Rag.Ingestion.Parsing.Formats;

/// <summary>
/// The parts of an Office Open XML package (ECMA-376 part 2) and the relations between them. Parts are read straight
/// from the container within its bounds; only relations to parts inside the package are followed.
/// </summary>
internal sealed class OpcPackage(ZipParts zip)
{
    private readonly Dictionary<string, List<(string Id, string Type, string Target)>> _relations = new(StringComparer.OrdinalIgnoreCase);

    public static OpcPackage Open(ParseInput input) => new(ZipParts.Open(input.ToArray()));

    public byte[]? Bytes(string part) => zip.Read(part);

    public XElement? Xml(string? part) => part is not null && zip.Read(part) is { } bytes ? BoundedXml.Load(bytes, part) : null;

    /// <summary>The part that holds the document itself: what the package's root relation names, or the usual path.</summary>
    /// <exception cref="ParseException">broken.</exception>
    public (string Part, XElement Root) Main(string usual)
    {
        string part = Target("", "/officeDocument") is { } named && zip.Contains(named) ? named : usual;
        return Xml(part) is { } root ? (part, root) : throw new ParseException("broken", $"the file is damaged: \"{part}\" is missing in it. Open it in the program that made it and save it again.");
    }

    /// <summary>The target of the first relation whose type ends so (the namespace differs in the strict variant).</summary>
    public string? Target(string part, string typeSuffix) =>
        Relations(part).FirstOrDefault(r => r.Type.EndsWith(typeSuffix, StringComparison.Ordinal)).Target;

    public string? TargetById(string part, string? id) => Relations(part).FirstOrDefault(r => r.Id == id).Target;

    private List<(string Id, string Type, string Target)> Relations(string part)
    {
        if (_relations.TryGetValue(part, out var known)) return known;
        int slash = part.LastIndexOf('/');
        string folder = slash < 0 ? "" : part[..(slash + 1)];
        var relations = Xml($"{folder}_rels/{part[(slash + 1)..]}.rels").Children("Relationship")
            .Where(r => r.Attr("TargetMode") != "External")
            .Select(r => (r.Attr("Id") ?? "", r.Attr("Type") ?? "", Resolve(folder, r.Attr("Target") ?? ""))).ToList();
        return _relations[part] = relations;
    }

    /// <summary>A path relative to a folder of the container, without "." and "..".</summary>
    public static string Resolve(string folder, string target)
    {
        target = Uri.UnescapeDataString(target.Split('#')[0]);
        var steps = new List<string>();
        foreach (string step in (target.StartsWith('/') ? target : folder + target).Split('/'))
        {
            if (step == ".." && steps.Count > 0) steps.RemoveAt(steps.Count - 1);
            else if (step is not ("" or "." or "..")) steps.Add(step);
        }
        return string.Join('/', steps);
    }

    /// <summary>Title, author and dates from the core properties, as metadata.</summary>
    public (string? Title, Dictionary<string, string> Metadata) Properties()
    {
        var metadata = new Dictionary<string, string>();
        if (Xml(Target("", "/core-properties")) is not { } core) return (null, metadata);
        Add("creator", "author");
        Add("subject", "subject");
        Add("keywords", "keywords");
        Add("created", "created");
        Add("modified", "modified");
        string title = ParsedTextBuilder.Collapse(core.Child("title")?.Value ?? "");
        return (title.Length > 0 ? title : null, metadata);

        void Add(string element, string key)
        {
            string value = ParsedTextBuilder.Collapse(ParsedTextBuilder.Clean(core.Child(element)?.Value ?? ""));
            if (value.Length > 0) metadata[key] = value;
        }
    }
}
