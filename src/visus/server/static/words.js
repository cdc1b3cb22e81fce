"use strict";
// Everything that the page says, in English and Chinese.
const WORDS = {
  en: {
    search: "Search", duplicates: "Duplicates", networks: "Networks", picture: "Your picture", token: "Token",
    enter: "Enter", drop: "Drop, paste or choose a picture", rectangle: "The picture; draw a rectangle to search for that part",
    part: "Part:", whole: "Whole picture", many: "How many", least: "Least score", cosine: "plain cosine", query: "your picture", hit: "the hit",
    close: "Close", find: "Find duplicates", network: "Network", predict: "Predict", method: "Method", explain: "Explain",
    target: "Take it for", fool: "Fool it", curves: "learning curves", why: "Why", open: "Open", keep: "keep", missing: "the file is not there", copies: (n) => (n === 1 ? "1 copy" : `${n} copies`),
    pictures: "pictures", nothing: "Nothing that is alike enough.", none: "No duplicates.", stays: "stays", "not-copies": "These are no copies", "keep-both": "Keep all of them", scenes: "also pictures of one scene", first: "Choose a picture first.",
    anything: "anything else", like: "Search with it", noRuns: "No network is served; start the server with --run.",
    noObjects: "No object was found.", wants: "Enter the token that this server was started with.", wrong: "That token is wrong.",
    agreement: "Blocks that agree, at least", totals: (t) => `${t.groups.toLocaleString()} groups with ${t.copies.toLocaleString()} copies; ${t.may_go.toLocaleString()} may go (${(t.size / 1e6).toFixed(1)} MB).`,
    steps: { "Reading the index": "Reading the index", "Looking at thumbnails": "Looking at thumbnails", "Comparing thumbnails": "Comparing thumbnails", "Comparing files": "Comparing files" },
    unseen: "This browser cannot show that file; choose a JPEG, PNG, WebP, GIF or BMP.",
    working: "Working …", all: "all of it", before: "before", change: "the change, 20 times", after: "after",
  },
  zh: {
    search: "搜索", duplicates: "重复图片", networks: "网络", picture: "你的图片", token: "令牌",
    enter: "进入", drop: "拖入、粘贴或选择一张图片", rectangle: "图片；画一个矩形即可只搜索这一部分",
    part: "部分：", whole: "整张图片", many: "数量", least: "最低分数", cosine: "普通余弦", query: "你的图片", hit: "结果",
    close: "关闭", find: "查找重复图片", network: "网络", predict: "预测", method: "方法", explain: "解释",
    target: "让它看成", fool: "骗它", curves: "学习曲线", why: "为什么", open: "打开", keep: "保留", missing: "文件不在原处", copies: (n) => `${n} 个副本`,
    pictures: "张图片", nothing: "没有足够相似的图片。", none: "没有重复图片。", stays: "保留", "not-copies": "这些不是副本", "keep-both": "全部保留", scenes: "同时显示同一场景的图片", first: "请先选择一张图片。",
    anything: "任何别的东西", like: "用它搜索", noRuns: "没有提供网络；请用 --run 启动服务器。",
    noObjects: "没有找到物体。", wants: "请输入启动服务器时使用的令牌。", wrong: "令牌不正确。",
    agreement: "一致区块的最低比例", totals: (t) => `${t.groups.toLocaleString()} 组，共 ${t.copies.toLocaleString()} 个副本；其中 ${t.may_go.toLocaleString()} 个可以删除（${(t.size / 1e6).toFixed(1)} MB）。`,
    steps: { "Reading the index": "正在读取索引", "Looking at thumbnails": "正在查看缩略图", "Comparing thumbnails": "正在比较缩略图", "Comparing files": "正在比较文件" },
    unseen: "浏览器无法显示此文件；请选择 JPEG、PNG、WebP、GIF 或 BMP。",
    working: "正在处理……", all: "全部", before: "之前", change: "改动（放大 20 倍）", after: "之后",
  },
};
