/** uPlot with its styles: a part of its own, loaded when a chart is first shown. */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

export default uPlot;
